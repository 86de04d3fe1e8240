// What somebody should be woken for; docs/operations.md has a page for each, by its name.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string
param emails array
@description('The cap on nodes; 0: there is none, and no alert for it.')
param maxNodes int

var names = loadJsonContent('names.json')

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: '${names.insights}${token}'
}
resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' existing = {
  name: '${names.messaging}${token}'
}
resource batch 'Microsoft.Batch/batchAccounts@2024-07-01' existing = {
  name: '${names.batch}${token}'
}

resource mails 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${names.actions}${token}'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'retrain'
    enabled: true
    emailReceivers: [
      for (address, index) in emails: { name: 'mail-${index}', emailAddress: address, useCommonAlertSchema: true }
    ]
  }
}

var metrics = [
  {
    name: 'dead-letters'
    says: 'Messages that could not be processed are kept: retrain dead-letters list.'
    severity: 1
    target: namespace.id
    space: 'Microsoft.ServiceBus/namespaces'
    metric: 'DeadletteredMessages'
    aggregation: 'Maximum'
    over: 0
    window: 'PT15M'
    enabled: true
  }
  {
    name: 'queue-grows'
    says: 'Messages come faster than they are worked off.'
    severity: 2
    target: namespace.id
    space: 'Microsoft.ServiceBus/namespaces'
    metric: 'ActiveMessages'
    aggregation: 'Minimum'
    over: 1000
    window: 'PT30M'
    enabled: true
  }
  {
    name: 'idle-nodes'
    says: 'Nodes have been idle for an hour: retrain compute list shows whose they are.'
    severity: 1
    target: batch.id
    space: 'Microsoft.Batch/batchAccounts'
    metric: 'IdleNodeCount'
    aggregation: 'Minimum'
    over: 0
    window: 'PT1H'
    enabled: true
  }
  {
    name: 'over-the-cap'
    says: 'There are more nodes than RETRAIN_MAX_NODES allows: some are not of Retrain, or it leaks.'
    severity: 1
    target: batch.id
    space: 'Microsoft.Batch/batchAccounts'
    metric: 'TotalNodeCount'
    aggregation: 'Maximum'
    over: maxNodes
    window: 'PT15M'
    enabled: maxNodes > 0
  }
]

resource byMetric 'Microsoft.Insights/metricAlerts@2018-03-01' = [
  for one in metrics: {
    name: 'retrain-${one.name}'
    location: 'global'
    tags: tags
    properties: {
      description: one.says
      severity: one.severity
      enabled: one.enabled
      scopes: [one.target]
      evaluationFrequency: 'PT5M'
      windowSize: one.window
      autoMitigate: true
      criteria: {
        'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
        allOf: [
          {
            name: one.name
            criterionType: 'StaticThresholdCriterion'
            metricNamespace: one.space
            metricName: one.metric
            operator: 'GreaterThan'
            threshold: one.over
            timeAggregation: one.aggregation
          }
        ]
      }
      actions: [{ actionGroupId: mails.id }]
    }
  }
]

// What the app itself logs. The phrases are those of shared/app; a test compares.
// With RETRAIN_LOG=json the sentence is a member of what is logged.
var lines = 'traces | extend message = iff(message startswith "{", tostring(parse_json(message).message), message)'
var queries = [
  {
    name: 'failed-runs'
    says: 'More than five runs failed within an hour.'
    query: '${lines} | where message startswith "run " and message endswith " -> Failed"'
    over: 5
    window: 'PT1H'
  }
  {
    name: 'orphan-compute'
    says: 'The watch found compute that belongs to no live run, and deleted it.'
    query: '${lines} | where message startswith "orphan: "'
    over: 3
    window: 'PT1H'
  }
  {
    name: 'watch-is-silent'
    says: 'The watch has not run well for a quarter of an hour: nothing repairs lost events.'
    query: 'requests | where name == "watch" and success == true | summarize seen = count() | where seen == 0'
    over: 0
    window: 'PT15M'
  }
]

resource byLog 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for one in queries: {
    name: 'retrain-${one.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Retrain: ${one.name}'
      description: one.says
      severity: 2
      enabled: true
      scopes: [insights.id]
      evaluationFrequency: 'PT15M'
      windowSize: one.window
      autoMitigate: true
      criteria: {
        allOf: [
          { query: one.query, timeAggregation: 'Count', operator: 'GreaterThan', threshold: one.over }
        ]
      }
      actions: { actionGroups: [mails.id] }
    }
  }
]
