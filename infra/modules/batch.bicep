// The Batch account. No storage account is tied to it: nodes get addresses that are signed for a run.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string
param closed bool
param poolAllocationMode string
param vaultName string
param batchServicePrincipalId string

var names = loadJsonContent('names.json')
var own = poolAllocationMode == 'UserSubscription'

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

// Batch keeps its certificates there: Key Vault Secrets Officer, in this mode only.
resource keeps 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (own) {
  scope: vault
  name: guid(vault.id, batchServicePrincipalId, 'secrets-officer')
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7')
    principalId: batchServicePrincipalId
    principalType: 'ServicePrincipal'
  }
}

resource account 'Microsoft.Batch/batchAccounts@2024-07-01' = {
  name: '${names.batch}${token}'
  location: location
  tags: tags
  identity: { type: 'None' }
  properties: {
    poolAllocationMode: poolAllocationMode
    allowedAuthenticationModes: ['AAD']
    publicNetworkAccess: closed ? 'Disabled' : 'Enabled'
    keyVaultReference: own ? { id: vault.id, url: vault.properties.vaultUri } : null
  }
  dependsOn: [keeps]
}

output name string = account.name
output endpoint string = 'https://${account.properties.accountEndpoint}'
