"""The Azure Functions host on one machine: the same function_app.py, the same doors, no .NET.

`FunctionsHost` loads an app as the Python worker does and fires HTTP, timer, blob and Service Bus
functions with the worker's own objects, by the rules of the cloud's host.
"""

from retrain.local.host.errors import AppRefused
from retrain.local.host.keys import Keys
from retrain.local.host.queues import Delivery, Listener, LockedSession
from retrain.local.host.server import FunctionsHost
from retrain.local.host.settings import HostSettings

__all__ = [
    "AppRefused",
    "Delivery",
    "FunctionsHost",
    "HostSettings",
    "Keys",
    "Listener",
    "LockedSession",
]
