// Where logs, traces and metrics go. Without local authentication: only identities may write.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string

var names = loadJsonContent('names.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: '${names.workspace}${token}'
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: 30
    features: { disableLocalAuth: true }
    workspaceCapping: { dailyQuotaGb: 1 } // a loop that logs must not cost more than the nodes
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: '${names.insights}${token}'
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

output insightsConnection string = insights.properties.ConnectionString
