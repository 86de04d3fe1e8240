// A private endpoint for each service, and the names by which they are found inside the network.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string

var names = loadJsonContent('names.json')
var storageSuffix = environment().suffixes.storage
var zones = [
  'privatelink.blob.${storageSuffix}'
  'privatelink.queue.${storageSuffix}'
  'privatelink.servicebus.windows.net'
  'privatelink.azurecr.io'
  'privatelink.vaultcore.azure.net'
  'privatelink.batch.azure.com'
]
var storageId = resourceId('Microsoft.Storage/storageAccounts', '${names.storage}${token}')
var hostId = resourceId('Microsoft.Storage/storageAccounts', '${names.hostStorage}${token}')
var batchId = resourceId('Microsoft.Batch/batchAccounts', '${names.batch}${token}')
// `zone` counts in `zones`.
var places = [
  { name: 'blob', part: 'blob', zone: 0, id: storageId }
  { name: 'queue', part: 'queue', zone: 1, id: storageId }
  { name: 'hostblob', part: 'blob', zone: 0, id: hostId }
  { name: 'hostqueue', part: 'queue', zone: 1, id: hostId }
  { name: 'bus', part: 'namespace', zone: 2, id: resourceId('Microsoft.ServiceBus/namespaces', '${names.messaging}${token}') }
  { name: 'registry', part: 'registry', zone: 3, id: resourceId('Microsoft.ContainerRegistry/registries', '${names.registry}${token}') }
  { name: 'vault', part: 'vault', zone: 4, id: resourceId('Microsoft.KeyVault/vaults', '${names.vault}${token}') }
  { name: 'batch', part: 'batchAccount', zone: 5, id: batchId }
  { name: 'batchnodes', part: 'nodeManagement', zone: 5, id: batchId }
]

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: '${names.network}${token}'
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for name in zones: {
    name: name
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (name, index) in zones: {
    parent: zone[index]
    name: 'retrain'
    location: 'global'
    tags: tags
    properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
  }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for place in places: {
    name: 'pep-${place.name}-${token}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        { name: place.name, properties: { privateLinkServiceId: place.id, groupIds: [place.part] } }
      ]
    }
  }
]

resource entry 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (place, index) in places: {
    parent: endpoint[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        { name: place.name, properties: { privateDnsZoneId: resourceId('Microsoft.Network/privateDnsZones', zones[place.zone]) } }
      ]
    }
    dependsOn: [zone, link]
  }
]
