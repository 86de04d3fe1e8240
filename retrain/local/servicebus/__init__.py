"""Azure Service Bus on one machine: AMQP 1.0 for the real SDKs, state that survives a kill.

`engine` holds the rules of queues and topics and knows no wire, `rules` says which messages a
subscription takes; `amqp` is the protocol's types and knows no queue; `wire` joins the two,
`management` answers requests, `store` keeps it all on disk, and `listener` lets the same process
receive without a wire.
"""

from retrain.local.servicebus.config import ConfigError, parse_config, read_config
from retrain.local.servicebus.errors import (
    EntityNotFound,
    LockLost,
    ServiceBusError,
    SessionLockLost,
)
from retrain.local.servicebus.listener import Delivery, Listener, LockedSession
from retrain.local.servicebus.sas import Key
from retrain.local.servicebus.server import ServiceBusServer, ServiceBusSettings
from retrain.local.servicebus.settings import (
    NamespaceSettings,
    QueueSettings,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
)
from retrain.local.servicebus.store import DataFolderUnusable

__all__ = [
    "ConfigError",
    "DataFolderUnusable",
    "Delivery",
    "EntityNotFound",
    "Key",
    "Listener",
    "LockLost",
    "LockedSession",
    "NamespaceSettings",
    "QueueSettings",
    "RuleSettings",
    "ServiceBusError",
    "ServiceBusServer",
    "ServiceBusSettings",
    "SessionLockLost",
    "SubscriptionSettings",
    "TopicSettings",
    "parse_config",
    "read_config",
]
