// Images of environments, built by ACR Tasks.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string
param closed bool

var names = loadJsonContent('names.json')

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: '${names.registry}${token}'
  location: location
  tags: tags
  sku: { name: closed ? 'Premium' : 'Standard' }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: closed ? 'Disabled' : 'Enabled'
    networkRuleBypassOptions: 'AzureServices' // ACR Tasks pushes what it built
    policies: closed ? { retentionPolicy: { status: 'enabled', days: 30 } } : {}
  }
}

output id string = registry.id
