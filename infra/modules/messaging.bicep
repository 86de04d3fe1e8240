// Service Bus with the queues that the code needs, from the very file that the emulator reads.
param location string = resourceGroup().location
param tags object = resourceGroup().tags
param token string
param closed bool

var names = loadJsonContent('names.json')
var queues = loadJsonContent('../../retrain/local/queues.json').UserConfig.Namespaces[0].Queues

resource namespace 'Microsoft.ServiceBus/namespaces@2024-01-01' = {
  name: '${names.messaging}${token}'
  location: location
  tags: tags
  // Private endpoints are Premium's; sessions and duplicate detection begin with Standard.
  sku: closed ? { name: 'Premium', tier: 'Premium', capacity: 1 } : { name: 'Standard', tier: 'Standard' }
  properties: {
    disableLocalAuth: true
    minimumTlsVersion: '1.2'
    publicNetworkAccess: closed ? 'Disabled' : 'Enabled'
  }
}

resource made 'Microsoft.ServiceBus/namespaces/queues@2024-01-01' = [
  for queue in queues: {
    parent: namespace
    name: queue.Name
    properties: {
      lockDuration: queue.Properties.LockDuration
      maxDeliveryCount: queue.Properties.MaxDeliveryCount
      requiresSession: queue.Properties.?RequiresSession ?? false
      requiresDuplicateDetection: queue.Properties.?RequiresDuplicateDetection ?? false
      duplicateDetectionHistoryTimeWindow: queue.Properties.DuplicateDetectionHistoryTimeWindow
      deadLetteringOnMessageExpiration: queue.Properties.?DeadLetteringOnMessageExpiration ?? false
    }
  }
]

output host string = '${namespace.name}.servicebus.windows.net'
