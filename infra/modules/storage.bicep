// Two accounts: users' data with its lifecycle rules and events, and the Functions runtime's own, so
// that the runtime's rights end at its own account.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string
param closed bool
param outputDays int
param snapshotDays int

var names = loadJsonContent('names.json')

// As shared/ports/files.py has them; a test compares.
var containers = ['data', 'snapshots', 'runs', 'outputs', 'registry', 'tracking']

var safe = {
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
  allowSharedKeyAccess: false // user delegation keys sign what nodes get
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  defaultToOAuthAuthentication: true
  publicNetworkAccess: closed ? 'Disabled' : 'Enabled'
  // Event Grid, which tells of blobs, is a trusted service.
  networkAcls: { defaultAction: closed ? 'Deny' : 'Allow', bypass: 'AzureServices' }
}

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: '${names.storage}${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_ZRS' }
  properties: safe
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: true
    deleteRetentionPolicy: { enabled: true, days: 7 }
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource kept 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = [
  for name in concat(containers, ['event-dead-letters']): {
    parent: blobs
    name: name
    properties: { publicAccess: 'None' }
  }
]

resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'old-outputs'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob', 'appendBlob'], prefixMatch: ['outputs/', 'tracking/', 'checkpoints-'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: outputDays } } }
          }
        }
        {
          name: 'old-snapshots'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['snapshots/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: snapshotDays } } }
          }
        }
        {
          name: 'old-versions'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'] }
            actions: { version: { delete: { daysAfterCreationGreaterThan: 14 } } }
          }
        }
      ]
    }
  }
  dependsOn: [blobs]
}

resource host 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: '${names.hostStorage}${token}'
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: safe
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: host
  name: 'default'
  properties: { deleteRetentionPolicy: { enabled: true, days: 7 } }
}

resource package 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: hostBlobs
  name: 'app-package'
  properties: { publicAccess: 'None' }
}

// Its subscriptions come with events.bicep: they need a key that the deployed code brings.
resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: '${names.topic}${token}'
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: { source: account.id, topicType: 'Microsoft.Storage.StorageAccounts' }
}

output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
