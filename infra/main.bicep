// All of Retrain in one resource group. `azd up` deploys this, then the code, then events.bicep.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of the azd environment; names of resources are derived from it.')
param environmentName string

@minLength(1)
@description('Azure region of everything. It needs Flex Consumption, and quota for Batch.')
param location string

@description('Resource group, made when it is not there. Empty: rg-<environmentName>.')
param resourceGroupName string = ''

@description('Object id of who deploys: gets the data roles to try the thing by hand. Empty: nobody.')
param principalId string = ''

@allowed(['User', 'Group', 'ServicePrincipal'])
@description('What principalId is.')
param principalType string = 'User'

@allowed(['BatchService', 'UserSubscription'])
@description('Whose subscription the nodes are in. With UserSubscription your own core quota counts.')
param poolAllocationMode string = 'BatchService'

@description('Object id of the enterprise application "Microsoft Azure Batch"; only for UserSubscription.')
param batchServicePrincipalId string = ''

@description('VM size of a job that names none.')
param vmSize string = 'Standard_D2s_v3'

@minValue(0)
@description('Nodes at most at one time, over all runs. 0: no cap but the Batch account\'s quota.')
param maxNodes int = 20

@minValue(0)
@description('Node-hours at most in a day (UTC), over all runs. 0: no cap.')
param maxNodeHoursADay int = 200

@description('Everything behind private endpoints. Makes Service Bus and the registry Premium.')
param privateNetwork bool = false

@description('Application (client) id that HTTP callers have tokens for. Empty: function keys.')
param entraClientId string = ''

@description('Addresses that alerts and budget warnings are mailed to.')
param alertEmails array = []

@minValue(0)
@description('Monthly budget in the subscription\'s currency; warns at 80 % and 100 %. 0: none.')
param monthlyBudget int = 0

@description('First day of the budget: the first of a month, yyyy-MM-dd.')
param budgetStart string = utcNow('yyyy-MM-01')

@minValue(1)
@description('Days after which what runs left is deleted. Data and the registry stay.')
param outputDays int = 365

@minValue(1)
@description('Days after which code snapshots that nobody used are deleted.')
param snapshotDays int = 90

@secure()
@description('Signs webhooks: whsec_ and base64. Empty: jobs with notifications are refused.')
param webhookSecret string = ''

var token = toLower(uniqueString(subscription().id, environmentName, location))

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: empty(resourceGroupName) ? 'rg-${environmentName}' : resourceGroupName
  location: location
  tags: { 'azd-env-name': environmentName, application: 'retrain' }
}

module network 'modules/network.bicep' = if (privateNetwork) {
  scope: group
  params: { token: token }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  params: { token: token }
}

module storage 'modules/storage.bicep' = {
  scope: group
  params: { token: token, closed: privateNetwork, outputDays: outputDays, snapshotDays: snapshotDays }
}

module messaging 'modules/messaging.bicep' = {
  scope: group
  params: { token: token, closed: privateNetwork }
}

module vault 'modules/vault.bicep' = {
  scope: group
  params: {
    token: token
    closed: privateNetwork
    forBatch: poolAllocationMode == 'UserSubscription'
    webhookSecret: webhookSecret
  }
}

module registry 'modules/registry.bicep' = {
  scope: group
  params: { token: token, closed: privateNetwork }
}

module batch 'modules/batch.bicep' = {
  scope: group
  params: {
    token: token
    closed: privateNetwork
    poolAllocationMode: poolAllocationMode
    vaultName: vault.outputs.name
    batchServicePrincipalId: batchServicePrincipalId
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  params: {
    token: token
    userId: principalId
    userType: principalType
    closed: privateNetwork
  }
  dependsOn: [app, storage, messaging, vault, registry, batch, monitoring, network]
}

module endpoints 'modules/endpoints.bicep' = if (privateNetwork) {
  scope: group
  params: { token: token }
  dependsOn: [storage, messaging, vault, registry, batch, network]
}

module app 'modules/app.bicep' = {
  scope: group
  params: {
    token: token
    closed: privateNetwork
    entraClientId: entraClientId
    insightsConnection: monitoring.outputs.insightsConnection
    settings: {
      RETRAIN_STORAGE__blobServiceUri: storage.outputs.blobEndpoint
      RETRAIN_STORAGE__queueServiceUri: storage.outputs.queueEndpoint
      RETRAIN_SERVICEBUS__fullyQualifiedNamespace: messaging.outputs.host
      RETRAIN_BATCH: batch.outputs.endpoint
      RETRAIN_REGISTRY: registry.outputs.id
      RETRAIN_WEBHOOK_SECRET: vault.outputs.webhookSecretReference
      RETRAIN_VM_SIZE: vmSize
      RETRAIN_MAX_NODES: maxNodes == 0 ? '' : string(maxNodes)
      RETRAIN_MAX_NODE_HOURS_A_DAY: maxNodeHoursADay == 0 ? '' : string(maxNodeHoursADay)
      RETRAIN_SUBNET: network.?outputs.nodesSubnetId ?? ''
    }
  }
}

module diagnostics 'modules/diagnostics.bicep' = {
  scope: group
  params: { token: token }
  dependsOn: [storage, messaging, vault, registry, batch, monitoring]
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  params: { token: token, emails: alertEmails, maxNodes: maxNodes }
  dependsOn: [messaging, batch, monitoring]
}

module budget 'modules/budget.bicep' = if (monthlyBudget > 0) {
  scope: group
  params: { token: token, amount: monthlyBudget, start: budgetStart, emails: alertEmails }
}

output AZURE_LOCATION string = location
output AZURE_TENANT_ID string = tenant().tenantId
output AZURE_RESOURCE_GROUP string = group.name
output RETRAIN_TOKEN string = token
output RETRAIN_APP_NAME string = app.outputs.name
output RETRAIN_ENDPOINT string = app.outputs.endpoint
output RETRAIN_ENTRA_CLIENT_ID string = entraClientId
output RETRAIN_STORAGE_ACCOUNT string = storage.outputs.name
output RETRAIN_BATCH_ACCOUNT string = batch.outputs.name
