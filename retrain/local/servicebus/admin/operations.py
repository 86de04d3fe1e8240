"""The operations of administration: each is of one kind of place and one method."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from xml.etree.ElementTree import Element

from retrain.local.servicebus.admin import atom
from retrain.local.servicebus.admin.atom import moment
from retrain.local.servicebus.admin.descriptions import Described, read_settings, write_settings
from retrain.local.servicebus.admin.http import Request, Response
from retrain.local.servicebus.admin.markup import ATOM, child, read, write_all
from retrain.local.servicebus.admin.places import Kind, Place, page_of
from retrain.local.servicebus.admin.rules import read_rule, write_rule
from retrain.local.servicebus.catalogue import Entry
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.errors import BadRequest, EntityNotFound
from retrain.local.servicebus.settings import (
    DEFAULT_RULE,
    CorrelationFilter,
    EntitySettings,
    QueueSettings,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
)

_Settings = TypeVar("_Settings", bound=EntitySettings)

_DESCRIPTIONS: Final = {
    "QueueDescription": QueueSettings,
    "TopicDescription": TopicSettings,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood as far as its place. now: epoch seconds."""

    namespace: Namespace
    request: Request
    place: Place
    host: str
    now: float

    @property
    def url(self) -> str:
        return self.url_of(self.request.target)

    def url_of(self, target: str) -> str:
        return f"https://{self.host}{target}"

    @property
    def updates(self) -> bool:
        """Whether what is put is there already: the client says so, and means it."""
        return bool(self.request.headers.get("if-match"))

    def content(self) -> Element:
        """The description in the body's entry. Raises BadRequest."""
        found = child(read(self.request.body), "content", ATOM)
        if found is None or len(found) != 1:
            raise BadRequest("The body must be an Atom entry whose content is one description.")
        return found[0]

    def description(self, name: str) -> Element:
        """Raises BadRequest when there is another one."""
        found = self.content()
        if found.tag.rpartition("}")[2] != name:
            raise BadRequest(f"The entry's content must be a {name}.")
        return found


def perform(call: Call) -> Response | None:
    """None when the place has no such method. Raises ServiceBusError."""
    operation = _OPERATIONS.get((call.place.kind, call.request.method))
    return operation(call) if operation else None


# -- what there is


def _namespace(call: Call) -> Response:
    made = min((each.created_at for each in call.namespace.queues()), default=call.now)
    content = write_all(
        [
            ("CreatedTime", moment(made)),
            ("MessagingSKU", "Standard"),
            ("ModifiedTime", moment(made)),
            ("Name", call.namespace.name),
            ("NamespaceType", "Messaging"),
        ]
    )
    return atom.Entry(
        title=call.namespace.name,
        url=call.url,
        description="NamespaceInfo",
        content=content,
        updated=call.now,
        author=call.namespace.name,
    ).document()


def _get_root(call: Call) -> Response:
    """For a name that nobody has the service answers an empty list of what it calls public."""
    try:
        return _shown(call, _root(call)).document()
    except EntityNotFound:
        return atom.feed("Publicly Listed Services", call.url, (), call.now)


def _root(call: Call) -> Entry[Any]:
    (name,) = call.place.names
    try:
        return call.namespace.queue(name)
    except EntityNotFound:
        return call.namespace.topic(name)


def _get_subscription(call: Call) -> Response:
    return _shown(call, call.namespace.subscription(*call.place.names)).document()


def _get_rule(call: Call) -> Response:
    return _shown(call, call.namespace.rule(*call.place.names)).document()


def _list(title: str, all_of: Callable[[Call], Sequence[Entry[Any]]]) -> Callable[[Call], Response]:
    def page(call: Call) -> Response:
        path, _, query = call.request.target.partition("?")
        page = page_of(query)
        found, end = all_of(call), page.skip + page.top
        more = None
        if page.top and end < len(found):
            more = call.url_of(f"{path}?$skip={end}&$top={page.top}&api-version=2021-05")
        entries = [_shown(call, each) for each in found[page.skip : end]]
        return atom.feed(title, call.url, entries, call.now, more)

    return page


# -- changing it


def _put_root(call: Call) -> Response:
    element = call.content()
    kind = _DESCRIPTIONS.get(element.tag.rpartition("}")[2])
    if kind is None:
        raise BadRequest("The entry's content must be a QueueDescription or a TopicDescription.")
    (name,) = call.place.names
    if not call.updates:
        return _created(call, read_settings(element, kind, {"name": name}, None))
    find = call.namespace.queue if kind is QueueSettings else call.namespace.topic
    return _updated(call, read_settings(element, kind, {"name": name}, find(name).settings))


def _put_subscription(call: Call) -> Response:
    element = call.description("SubscriptionDescription")
    topic, name = call.place.names
    names = {"topic": topic, "name": name}
    if call.updates:
        old = call.namespace.subscription(topic, name).settings
        return _updated(call, read_settings(element, SubscriptionSettings, names, old))
    first = child(element, "DefaultRuleDescription")
    rule = None
    if first is not None:
        named = child(first, "Name")
        rule = read_rule(first, topic, name, (named is not None and named.text) or DEFAULT_RULE)
    settings: SubscriptionSettings = read_settings(element, SubscriptionSettings, names, None)
    made = call.namespace.create(settings, default_rule=rule)
    return _shown(call, made).document(201)


def _put_rule(call: Call) -> Response:
    rule = read_rule(call.description("RuleDescription"), *call.place.names)
    return _updated(call, rule) if call.updates else _created(call, rule)


def _created(call: Call, settings: EntitySettings) -> Response:
    return _shown(call, call.namespace.create(settings)).document(201)


def _updated(call: Call, settings: EntitySettings) -> Response:
    return _shown(call, call.namespace.update(settings)).document()


def _delete_root(call: Call) -> Response:
    call.namespace.delete(_root(call).settings.path)
    return Response(200)


def _delete_subscription(call: Call) -> Response:
    call.namespace.delete(call.namespace.subscription(*call.place.names).settings.path)
    return Response(200)


def _delete_rule(call: Call) -> Response:
    call.namespace.delete(call.namespace.rule(*call.place.names).settings.path)
    return Response(200)


# -- answers


def _shown(call: Call, entry: Entry[Any]) -> atom.Entry:
    settings = entry.settings
    if isinstance(settings, RuleSettings):
        content = write_rule(settings, moment(entry.created_at))
    else:
        content = _described(call, entry)
    kind = type(settings).__name__.removesuffix("Settings")
    return atom.Entry(
        title=settings.name,
        url=call.url_of(f"/{settings.path}?api-version=2021-05"),
        description=f"{kind}Description",
        content=content,
        updated=entry.updated_at,
        published=entry.created_at,
        author=call.namespace.name if kind in ("Queue", "Topic") else None,
    )


def _described(call: Call, entry: Entry[Described]) -> str:
    counts = call.namespace.counts(entry.settings.path)
    more = {}
    if isinstance(entry.settings, TopicSettings):
        more = _filter_counts(call.namespace, entry.settings.name)
    return write_settings(entry, counts, call.host, more)


def _filter_counts(namespace: Namespace, topic: str) -> dict[str, int]:
    rules = [
        rule.settings.filter
        for subscription in namespace.subscriptions(topic)
        for rule in namespace.rules(topic, subscription.settings.name)
    ]
    correlations = sum(isinstance(each, CorrelationFilter) for each in rules)
    return {"SqlFilterCount": len(rules) - correlations, "CorrelationFilterCount": correlations}


_OPERATIONS: Final[dict[tuple[Kind, str], Callable[[Call], Response]]] = {
    (Kind.NAMESPACE, "GET"): _namespace,
    (Kind.QUEUES, "GET"): _list("Queues", lambda call: call.namespace.queues()),
    (Kind.TOPICS, "GET"): _list("Topics", lambda call: call.namespace.topics()),
    (Kind.SUBSCRIPTIONS, "GET"): _list(
        "Subscriptions", lambda call: call.namespace.subscriptions(*call.place.names)
    ),
    (Kind.RULES, "GET"): _list("Rules", lambda call: call.namespace.rules(*call.place.names)),
    (Kind.ROOT, "GET"): _get_root,
    (Kind.ROOT, "PUT"): _put_root,
    (Kind.ROOT, "DELETE"): _delete_root,
    (Kind.SUBSCRIPTION, "GET"): _get_subscription,
    (Kind.SUBSCRIPTION, "PUT"): _put_subscription,
    (Kind.SUBSCRIPTION, "DELETE"): _delete_subscription,
    (Kind.RULE, "GET"): _get_rule,
    (Kind.RULE, "PUT"): _put_rule,
    (Kind.RULE, "DELETE"): _delete_rule,
}
