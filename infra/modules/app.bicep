// The Function App on Flex Consumption, with an identity of its own and no keys in its settings.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string
param closed bool
param entraClientId string
param insightsConnection string
@description('What shared/settings.py reads; an empty one is as if it were not set.')
param settings object

var names = loadJsonContent('names.json')
var byIdentity = {
  RETRAIN_STORAGE__credential: 'managedidentity'
  RETRAIN_STORAGE__clientId: identity.properties.clientId
  RETRAIN_SERVICEBUS__credential: 'managedidentity'
  RETRAIN_SERVICEBUS__clientId: identity.properties.clientId
  AzureWebJobsStorage__accountName: host.name
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identity.properties.clientId
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.properties.clientId};Authorization=AAD'
  AZURE_CLIENT_ID: identity.properties.clientId // which identity DefaultAzureCredential takes
  PYTHON_THREADPOOL_THREAD_COUNT: '32' // as many as host.json allows sessions at once
  RETRAIN_WATCH: '0 * * * * *'
  RETRAIN_URL: 'https://${app.properties.defaultHostName}'
  RETRAIN_ENTRA_CLIENT: entraClientId // empty: function keys
  RETRAIN_ENTRA_TENANT: empty(entraClientId) ? '' : tenant().tenantId
  RETRAIN_RATE: '600'
}

resource host 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: '${names.hostStorage}${token}'
}

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' existing = {
  name: '${names.network}${token}'
}

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${names.identity}${token}'
  location: location
  tags: tags
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: '${names.plan}${token}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: '${names.app}${token}'
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identity.id
    virtualNetworkSubnetId: closed ? '${network.id}/subnets/app' : null
    functionAppConfig: {
      runtime: { name: 'python', version: '3.12' }
      scaleAndConcurrency: { instanceMemoryMB: 2048, maximumInstanceCount: 40 }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${host.properties.primaryEndpoints.blob}app-package'
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      http20Enabled: true
      ftpsState: 'Disabled'
      cors: { allowedOrigins: [], supportCredentials: false }
    }
  }
}

resource variables 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, byIdentity)
}

resource noPublishingByPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = [
  for way in ['scm', 'ftp']: {
    parent: app
    name: way
    properties: { allow: false }
  }
]

output name string = app.name
output endpoint string = 'https://${app.properties.defaultHostName}'
