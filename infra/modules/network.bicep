// A virtual network with three subnets: the app's, the nodes', the private endpoints'.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string

var names = loadJsonContent('names.json')

// Nodes of Batch in "simplified" communication only call out; nobody calls in but the network itself.
resource rules 'Microsoft.Network/networkSecurityGroups@2024-05-01' = {
  name: 'nsg-retrain-${token}'
  location: location
  tags: tags
  properties: {
    securityRules: [
      {
        name: 'nobody-from-outside'
        properties: {
          priority: 4000
          direction: 'Inbound'
          access: 'Deny'
          protocol: '*'
          sourceAddressPrefix: 'Internet'
          sourcePortRange: '*'
          destinationAddressPrefix: '*'
          destinationPortRange: '*'
        }
      }
    ]
  }
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: '${names.network}${token}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.60.0.0/16'] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.60.0.0/24'
          networkSecurityGroup: { id: rules.id }
          delegations: [{ name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.60.1.0/24'
          networkSecurityGroup: { id: rules.id }
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
      {
        name: 'nodes'
        properties: {
          addressPrefix: '10.60.16.0/20'
          networkSecurityGroup: { id: rules.id }
        }
      }
    ]
  }
}

output nodesSubnetId string = '${network.id}/subnets/nodes'
