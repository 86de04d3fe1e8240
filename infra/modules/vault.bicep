// Secrets of jobs and of webhooks; in UserSubscription mode Batch needs a vault of its own rights.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string
param closed bool
param forBatch bool
@secure()
param webhookSecret string

var names = loadJsonContent('names.json')

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: '${names.vault}${token}'
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    enabledForDeployment: forBatch
    enabledForTemplateDeployment: forBatch
    publicNetworkAccess: closed ? 'Disabled' : 'Enabled'
    networkAcls: { defaultAction: closed ? 'Deny' : 'Allow', bypass: 'AzureServices' }
  }
}

resource secret 'Microsoft.KeyVault/vaults/secrets@2024-11-01' = if (!empty(webhookSecret)) {
  parent: vault
  name: 'retrain-webhook-secret'
  properties: { value: webhookSecret, contentType: 'text/plain' }
}

output name string = vault.name
output uri string = vault.properties.vaultUri
var inVault = '@Microsoft.KeyVault(SecretUri=${vault.properties.vaultUri}secrets/retrain-webhook-secret)'
output webhookSecretReference string = empty(webhookSecret) ? '' : inVault
