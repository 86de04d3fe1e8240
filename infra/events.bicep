// Who is told of a blob that landed: deployed after the code, which brings the key in the address.
// azd's postdeploy hook does it; again and again is the same.
@description('What main.bicep derived its names from (RETRAIN_TOKEN).')
param token string

var names = loadJsonContent('modules/names.json')
var key = listKeys('${app.id}/host/default', '2024-04-01').systemKeys.blobs_extension
var blobs = '/blobServices/default/containers'
// As functions/uploads.py has them; a test compares.
var doors = [
  { name: 'data-landed', function: 'data_landed', begins: '${blobs}/data/blobs/', ends: '' }
  { name: 'task-ended', function: 'task_ended', begins: '${blobs}/outputs/blobs/', ends: '/ended' }
]

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: '${names.app}${token}'
}
resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: '${names.storage}${token}'
}
resource topic 'Microsoft.EventGrid/systemTopics@2025-02-15' existing = {
  name: '${names.topic}${token}'
}

resource told 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = [
  for door in doors: {
    parent: topic
    name: door.name
    properties: {
      eventDeliverySchema: 'EventGridSchema'
      destination: {
        endpointType: 'WebHook'
        properties: {
          endpointUrl: 'https://${app.properties.defaultHostName}/runtime/webhooks/blobs?functionName=Host.Functions.${door.function}&code=${key}'
          maxEventsPerBatch: 1
          preferredBatchSizeInKilobytes: 64
        }
      }
      filter: {
        includedEventTypes: ['Microsoft.Storage.BlobCreated']
        subjectBeginsWith: door.begins
        subjectEndsWith: door.ends
        isSubjectCaseSensitive: true
      }
      retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 }
      deadLetterWithResourceIdentity: {
        identity: { type: 'SystemAssigned' }
        deadLetterDestination: {
          endpointType: 'StorageBlob'
          properties: { resourceId: account.id, blobContainerName: 'event-dead-letters' }
        }
      }
    }
  }
]
