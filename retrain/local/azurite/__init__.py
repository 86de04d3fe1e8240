"""Blob Storage on one machine: Microsoft's own Azurite as a child process, and its events.

Azurite speaks the Blob REST API but raises no events. Its access log, one line a request, says all
that Event Grid would: which blob was made, when. `AzuriteServer` runs the process, `access_log`
reads the lines, `BlobEvents` passes them on and catches up with what landed while nobody listened.
"""

from retrain.local.azurite.access_log import BlobCreated
from retrain.local.azurite.claim import DataFolderInUse
from retrain.local.azurite.command import AzuriteMissing, find_azurite
from retrain.local.azurite.events import BlobEvents
from retrain.local.azurite.process import AzuriteFailed
from retrain.local.azurite.server import AzuriteServer, AzuriteSettings

__all__ = [
    "AzuriteFailed",
    "AzuriteMissing",
    "AzuriteServer",
    "AzuriteSettings",
    "BlobCreated",
    "BlobEvents",
    "DataFolderInUse",
    "find_azurite",
]
