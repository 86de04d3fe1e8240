// Who may do what: only what each identity needs. docs/security.md says for what; a test compares.
param token string
@description('Object id of who deploys; empty: nobody.')
param userId string
param userType string
param closed bool

var names = loadJsonContent('names.json')

// Built-in roles, by the ids that are the same in every tenant.
var role = {
  blobData: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner
  queueData: '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // Storage Queue Data Contributor
  busReceive: '4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0' // Azure Service Bus Data Receiver
  busSend: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39' // Azure Service Bus Data Sender
  batchData: '6aaa78f1-f7de-44ca-8722-c64a23943cae' // Azure Batch Data Contributor
  imagePull: '7f951dda-4ed3-4680-a7ca-43fe172d538d' // AcrPull
  imageBuild: 'fb382eab-e894-4461-af04-94435c366c3f' // Container Registry Tasks Contributor
  secretRead: '4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User
  metricsWrite: '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
  networkJoin: '4d97b98b-1d4f-4787-a291-c67834d212e7' // Network Contributor
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' existing = {
  name: '${names.identity}${token}'
}
resource storage 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: '${names.storage}${token}'
}
resource host 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: '${names.hostStorage}${token}'
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
resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: '${names.insights}${token}'
}
resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: '${names.topic}${token}'
}
resource deadEvents 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' existing = {
  name: '${names.storage}${token}/default/event-dead-letters'
}
resource nodes 'Microsoft.Network/virtualNetworks/subnets@2024-05-01' existing = {
  name: '${names.network}${token}/nodes'
}

var definitions = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'
var principal = identity.properties.principalId

resource appBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, identity.id, role.blobData)
  properties: { roleDefinitionId: '${definitions}/${role.blobData}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appBlobQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: storage
  name: guid(storage.id, identity.id, role.queueData)
  properties: { roleDefinitionId: '${definitions}/${role.queueData}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appHostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, identity.id, role.blobOwner)
  properties: { roleDefinitionId: '${definitions}/${role.blobOwner}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appHostQueues 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: host
  name: guid(host.id, identity.id, role.queueData)
  properties: { roleDefinitionId: '${definitions}/${role.queueData}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appReceives 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: namespace
  name: guid(namespace.id, identity.id, role.busReceive)
  properties: { roleDefinitionId: '${definitions}/${role.busReceive}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appSends 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: namespace
  name: guid(namespace.id, identity.id, role.busSend)
  properties: { roleDefinitionId: '${definitions}/${role.busSend}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appBatch 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: batch
  name: guid(batch.id, identity.id, role.batchData)
  properties: { roleDefinitionId: '${definitions}/${role.batchData}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appImages 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, identity.id, role.imagePull)
  properties: { roleDefinitionId: '${definitions}/${role.imagePull}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appBuilds 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: registry
  name: guid(registry.id, identity.id, role.imageBuild)
  properties: { roleDefinitionId: '${definitions}/${role.imageBuild}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, identity.id, role.secretRead)
  properties: { roleDefinitionId: '${definitions}/${role.secretRead}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource appMetrics 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, identity.id, role.metricsWrite)
  properties: { roleDefinitionId: '${definitions}/${role.metricsWrite}', principalId: principal, principalType: 'ServicePrincipal' }
}

// A pool in a subnet: whoever makes it must be allowed to join the subnet.
resource appSubnet 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (closed) {
  scope: nodes
  name: guid(nodes.id, identity.id, role.networkJoin)
  properties: { roleDefinitionId: '${definitions}/${role.networkJoin}', principalId: principal, principalType: 'ServicePrincipal' }
}

resource eventsKept 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: deadEvents
  name: guid(deadEvents.id, topic.id, role.blobData)
  properties: { roleDefinitionId: '${definitions}/${role.blobData}', principalId: topic.identity.principalId, principalType: 'ServicePrincipal' }
}

resource userBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(userId)) {
  scope: storage
  name: guid(storage.id, userId, role.blobData)
  properties: { roleDefinitionId: '${definitions}/${role.blobData}', principalId: userId, principalType: userType }
}

resource userBatch 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(userId)) {
  scope: batch
  name: guid(batch.id, userId, role.batchData)
  properties: { roleDefinitionId: '${definitions}/${role.batchData}', principalId: userId, principalType: userType }
}
