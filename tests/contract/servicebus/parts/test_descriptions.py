"""Descriptions, rules, durations and paths, without a server: what is written can be read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.servicebus.admin import markup
from retrain.local.servicebus.admin.descriptions import (
    FIELDS,
    ORDER,
    Described,
    read_settings,
    write_settings,
)
from retrain.local.servicebus.admin.places import Kind, Page, page_of, place_of
from retrain.local.servicebus.admin.rules import read_rule, write_rule
from retrain.local.servicebus.admin.values import NEVER, read_duration, write_duration
from retrain.local.servicebus.catalogue import Entry
from retrain.local.servicebus.engine.namespace import Counts
from retrain.local.servicebus.errors import BadRequest
from retrain.local.servicebus.settings import (
    AccessRule,
    CorrelationFilter,
    FalseFilter,
    QueueSettings,
    RuleSettings,
    SqlAction,
    SqlFilter,
    Status,
    SubscriptionSettings,
    TopicSettings,
    TrueFilter,
)

texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])).filter(
    lambda text: "\ufffe" not in text and "\uffff" not in text
)
words = texts.map(str.strip).filter(bool)
durations = st.integers(1, 10**15).map(lambda micros: micros / 1_000_000)
TERMS: Mapping[str, st.SearchStrategy[Any]] = {
    "lock_seconds": durations,
    "max_delivery_count": st.integers(1, 2000),
    "sessions": st.booleans(),
    "duplicate_window": st.none() | durations,
    "time_to_live": st.none() | durations,
    "dead_letter_expired": st.booleans(),
    "dead_letter_filter_errors": st.booleans(),
    "max_message_bytes": st.integers(1, 102_400).map(lambda kilobytes: kilobytes * 1024),
    "max_megabytes": st.integers(1, 81_920),
    "auto_delete_on_idle": st.none() | durations,
    "status": st.sampled_from(Status),
    "user_metadata": st.none() | words,
    "support_ordering": st.booleans(),
    "filter_before_publishing": st.booleans(),
    "batched": st.booleans(),
    "partitioned": st.booleans(),
    "express": st.booleans(),
    "access": st.lists(
        st.builds(
            AccessRule,
            name=words,
            rights=st.lists(st.sampled_from(["Send", "Listen"]), min_size=1).map(tuple),
            primary_key=words,
            secondary_key=words,
        )
    ).map(tuple),
}
NAMES: Mapping[type[Described], dict[str, Any]] = {
    QueueSettings: {"name": "q"},
    TopicSettings: {"name": "t"},
    SubscriptionSettings: {"topic": "t", "name": "s"},
}


def _described(kind: type[Described]) -> st.SearchStrategy[Any]:
    mine = {name: terms for name, terms in TERMS.items() if name in kind.__dataclass_fields__}
    return st.builds(kind, **{name: st.just(each) for name, each in NAMES[kind].items()}, **mine)


def inside(name: str, content: str) -> ElementTree.Element:
    space = {"xmlns": markup.SERVICE_BUS, "xmlns:i": markup.INSTANCE}
    return markup.read(markup.write(name, content, space).encode())


@pytest.mark.parametrize("kind", NAMES, ids=lambda kind: kind.__name__)
def test_every_setting_has_its_element(kind: type[Described]) -> None:
    known = {FIELDS[name].name for name in ORDER[kind] if name in FIELDS}
    apart = {*NAMES[kind], "duplicate_window", "access"}
    assert set(kind.__dataclass_fields__) <= known | apart


@given(st.one_of([_described(kind) for kind in NAMES]))
def test_what_is_described_is_read_again(settings: Described) -> None:
    entry: Entry[Described] = Entry(settings, False, 0.0, 0.0, 0.0)
    more = {"SqlFilterCount": 0, "CorrelationFilterCount": 0}
    element = inside("Description", write_settings(entry, Counts(), "localhost", more))
    kind = type(settings)
    assert read_settings(element, kind, NAMES[kind], None) == settings
    assert read_settings(element, kind, NAMES[kind], kind(**NAMES[kind])) == settings


def test_what_can_not_change_need_not_be_said() -> None:
    old = QueueSettings(name="q", sessions=True, duplicate_window=60.0, lock_seconds=5.0)
    read = read_settings(inside("Description", ""), QueueSettings, {"name": "q"}, old)
    assert read == replace(old, lock_seconds=60.0)


values = st.dictionaries(
    words,
    texts
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.datetimes(timezones=st.just(UTC))
    | st.timedeltas(timedelta(days=-9_000_000), timedelta(days=9_000_000)),
)
optional = st.none() | texts
filters = (
    st.builds(TrueFilter)
    | st.builds(FalseFilter)
    | st.builds(SqlFilter, expression=words, parameters=values)
    | st.builds(CorrelationFilter, label=st.none() | words, to=st.none() | words, properties=values)
)
actions = st.none() | st.builds(SqlAction, expression=words, parameters=values)


@given(filters, actions)
def test_rules_are_read_again(filter_: Any, action: SqlAction | None) -> None:
    rule = RuleSettings(topic="t", subscription="s", name="r", filter=filter_, action=action)
    element = inside("RuleDescription", write_rule(rule, "2026-01-01T00:00:00Z"))
    assert read_rule(element, "t", "s", "r") == rule


@given(st.text())
def test_any_text_can_be_written(text: str) -> None:
    element = markup.read(markup.write("x", markup.text(text), {"y": text}).encode())
    assert element.tag == "x"


@given(st.none() | durations)
def test_durations_are_read_again(seconds: float | None) -> None:
    assert read_duration(write_duration(seconds)) == seconds


DURATIONS = {
    "PT1M": 60.0,
    "PT0S": 0.0,
    "P1D": 86_400.0,
    "P14DT1H2M3.5S": 1_213_323.5,
    NEVER: None,
    "P10675199DT2H48M5.477539S": None,
}


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items(), ids=DURATIONS)
def test_durations(text: str, seconds: float | None) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "P", "PT", "1M", "PT1", "P1M", "P-1D", "PT1.5M", "P1DT"])
def test_no_durations(text: str) -> None:
    with pytest.raises(BadRequest):
        read_duration(text)


PLACES: dict[str, tuple[Kind, tuple[str, ...]] | None] = {
    "/$namespaceinfo": (Kind.NAMESPACE, ()),
    "/$Resources/Queues/": (Kind.QUEUES, ()),
    "/$Resources/topics": (Kind.TOPICS, ()),
    "/$Resources/others": None,
    "/%24Resources": None,
    "/": None,
    "*": None,
    "": None,
    "/q": (Kind.ROOT, ("q",)),
    "/a/b": (Kind.ROOT, ("a/b",)),
    "/a%2Fb": (Kind.ROOT, ("a/b",)),
    "/rules": (Kind.ROOT, ("rules",)),
    "/t/Subscriptions": (Kind.SUBSCRIPTIONS, ("t",)),
    "/t/subscriptions/s": (Kind.SUBSCRIPTION, ("t", "s")),
    "/a%2Fb/subscriptions/s/": (Kind.SUBSCRIPTION, ("a/b", "s")),
    "/a/b/subscriptions/s/rules": (Kind.RULES, ("a/b", "s")),
    "/t/subscriptions/s/rules/%24Default": (Kind.RULE, ("t", "s", "$Default")),
    "/t/subscriptions/s/rules/r/x": None,
    "/t/subscriptions/s/others": None,
}


@pytest.mark.parametrize(("path", "place"), PLACES.items(), ids=lambda each: str(each))
def test_places(path: str, place: tuple[Kind, tuple[str, ...]] | None) -> None:
    found = place_of(path)
    assert (found and (found.kind, found.names)) == place


def test_pages() -> None:
    assert page_of("") == Page(0, 100)
    assert page_of("$skip=3&$top=2000&api-version=x") == Page(3, 100)
    for wrong in ("$skip=-1", "$top=x", "$top=1.5", "$skip=" + "9" * 20):
        with pytest.raises(BadRequest):
            page_of(wrong)


TIMES = {
    "2026-01-02T03:04:05": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    "2026-01-02T03:04:05.1234567Z": datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC),
    "2026-01-02T03:04:05+01:00": datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC),
}


@pytest.mark.parametrize(("text", "time"), TIMES.items(), ids=TIMES)
def test_times_as_others_write_them(text: str, time: datetime) -> None:
    pair = f'<P><Key>k</Key><Value i:type="x:dateTime">{text}</Value></P>'
    content = f'<Filter i:type="CorrelationFilter"><Properties>{pair}</Properties></Filter>'
    rule = read_rule(inside("RuleDescription", content), "t", "s", "r")
    assert isinstance(rule.filter, CorrelationFilter)
    assert rule.filter.properties == {"k": time}
