// What the services themselves log, into the workspace.
param token string

var names = loadJsonContent('names.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' existing = {
  name: '${names.workspace}${token}'
}
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' existing = {
  name: '${names.storage}${token}/default'
}
resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: '${names.messaging}${token}'
}
resource batch 'Microsoft.Batch/batchAccounts@2024-07-01' existing = {
  name: '${names.batch}${token}'
}
resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: '${names.registry}${token}'
}
resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: '${names.vault}${token}'
}

// Writes and deletes of blobs, not reads: the watch and the nodes read all day.
resource ofBlobs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: blobs
  name: 'retrain'
  properties: { workspaceId: workspace.id, logs: [{ category: 'StorageDelete', enabled: true }] }
}

resource ofMessages 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: namespace
  name: 'retrain'
  properties: { workspaceId: workspace.id, logs: [{ category: 'OperationalLogs', enabled: true }] }
}

resource ofBatch 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: batch
  name: 'retrain'
  properties: { workspaceId: workspace.id, logs: [{ categoryGroup: 'audit', enabled: true }] }
}

resource ofRegistry 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: registry
  name: 'retrain'
  properties: { workspaceId: workspace.id, logs: [{ categoryGroup: 'audit', enabled: true }] }
}

resource ofVault 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  scope: vault
  name: 'retrain'
  properties: { workspaceId: workspace.id, logs: [{ categoryGroup: 'audit', enabled: true }] }
}
