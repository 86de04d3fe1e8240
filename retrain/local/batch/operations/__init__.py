"""The REST operations: each takes the service and a request, and gives an answer."""
