"""The queues, topics and subscriptions that bindings name, made where they are not there yet."""

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Binding
from retrain.local.servicebus import EntityNotFound, QueueSettings, ServiceBusError
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.settings import SubscriptionSettings, TopicSettings

_Receiving = QueueSettings | SubscriptionSettings


def ensure_entities(namespace: Namespace, binding: Binding) -> None:
    """Make what a Service Bus binding receives from or sends to, with everything by default.

    Raises AppRefused for a name that no entity can have, and for a trigger that wants sessions of
    an entity without them, or the other way about.
    """
    topic, subscription = binding.text("topicName"), binding.text("subscriptionName")
    trigger = binding.type == "serviceBusTrigger"
    sessions = binding.flag("isSessionsEnabled")
    try:
        if topic:
            _ensure(namespace, TopicSettings(name=topic))
        if not topic:
            queue = QueueSettings(name=binding.text("queueName"), sessions=sessions)
            _check(_ensure(namespace, queue), queue, trigger)
        elif subscription and trigger:
            wanted = SubscriptionSettings(topic=topic, name=subscription, sessions=sessions)
            _check(_ensure(namespace, wanted), wanted, trigger)
    except ServiceBusError as error:
        raise AppRefused(f"The binding '{binding.name}': {error}") from error


def _ensure(
    namespace: Namespace, wanted: QueueSettings | TopicSettings | SubscriptionSettings
) -> object:
    """The settings of the entity of this name, the wanted ones when it had to be made."""
    try:
        return _there(namespace, wanted)
    except EntityNotFound:
        namespace.create(wanted)
        return wanted


def _there(
    namespace: Namespace, wanted: QueueSettings | TopicSettings | SubscriptionSettings
) -> object:
    if isinstance(wanted, QueueSettings):
        return namespace.queue(wanted.name).settings
    if isinstance(wanted, TopicSettings):
        return namespace.topic(wanted.name).settings
    return namespace.subscription(wanted.topic, wanted.name).settings


def _check(there: object, wanted: _Receiving, trigger: bool) -> None:
    if not trigger or not isinstance(there, _Receiving) or there.sessions == wanted.sessions:
        return
    has, asks = ("sessions", "none") if there.sessions else ("no sessions", "them")
    raise AppRefused(
        f"'{wanted.path}' has {has}, from an earlier start, and the function asks for {asks} "
        "(is_sessions_enabled). Correct the binding, or delete the folder of --data."
    )
