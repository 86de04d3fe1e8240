"""Requests of administration that start from ones that make sense, and lose it on the way."""

from random import Random

from retrain.local.servicebus.admin.descriptions import FIELDS
from retrain.local.servicebus.admin.http import Request

_SPACES = (
    'xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect" '
    'xmlns:i="http://www.w3.org/2001/XMLSchema-instance"'
)
_NAMES = (
    *["q", "t"] * 6,
    "q2",
    "a/b",
    "a%2Fb",
    "t",
    "T",
    "%ff",
    "..",
    "$x",
    "q" * 300,
    "",
    "%00",
    "é",
    "{}",
)
_BELOW = ("", "", "/subscriptions", "/Subscriptions/s", "/subscriptions/s/rules")
_DEEPER = ("", "/r", "/$Default", "/r/x", "//")
_QUERIES = ("", "?api-version=2021-05", "?$skip=1&$top=1", "?$top=-1", "?$skip=x", "?%", "?a=%ff")
_FIXED = ("/$Resources/queues", "/$Resources/topics", "/$namespaceinfo", "/$Resources", "*", "//")
_METHODS = ("GET", "GET", "DELETE", "POST", "", *["PUT"] * 8)
_TEXTS = (
    *("", "true", "PT1M", "P1D", "7", "-1", "1e9", "9" * 30, "P10675199DT2H48M5.4775807S"),
    *("Active", "q", "sb://x/q", "&lt;&amp;", "x" * 2000, " ", "PT", "NaN", "é"),
)
_DETECTION = ("RequiresDuplicateDetection", "DuplicateDetectionHistoryTimeWindow")
_TYPES = ("SqlFilter", "CorrelationFilter", "TrueFilter", "FalseFilter", "x", "")
_VALUES = ("string", "int", "long", "boolean", "double", "dateTime", "duration", "guid", "x")
_SQL = ("a = 1", "1=1", "x LIKE '%'", "(", "@p > 3", "sys.Label = 'x'", "SET a = 1", "'" * 99)
_NONSENSE = (b"", b"\xff", b"<", b"<a>" * 200, b"<!DOCTYPE x>", b"<?xml version='1.0'?>", b"\x00")


def a_request(rng: Random) -> Request:
    """Of any kind; a good one now and then."""
    headers = {"host": rng.choice(("localhost", "localhost:1", "", "\xff"))}
    if rng.random() < 0.3:
        headers["if-match"] = rng.choice(("*", "", "x"))
    return Request(rng.choice(_METHODS), _target(rng), headers, _body(rng))


def _target(rng: Random) -> str:
    if rng.random() < 0.2:
        return rng.choice(_FIXED) + rng.choice(_QUERIES)
    path = "/" + rng.choice(_NAMES) + rng.choice(_BELOW)
    return path + (rng.choice(_DEEPER) if path.endswith("rules") else "") + rng.choice(_QUERIES)


def _body(rng: Random) -> bytes:
    if rng.random() < 0.1:
        return rng.choice(_NONSENSE)
    body = _entry(rng).encode()
    if rng.random() < 0.2:  # a hole in it, or more of it
        at, end = sorted(rng.randrange(len(body) + 1) for _ in range(2))
        body = body[:at] + rng.choice((b"", body[at:end] * 2, rng.randbytes(3))) + body[end:]
    return body


def _entry(rng: Random) -> str:
    kind = rng.choice(("Queue", "Topic", "Topic", "Subscription", "Rule", "Rule", "Other"))
    inside = _rule(rng) if kind == "Rule" else _settings(rng)
    if kind == "Subscription" and rng.random() < 0.3:
        inside += f"<DefaultRuleDescription>{_rule(rng)}</DefaultRuleDescription>"
    return (
        '<entry xmlns="http://www.w3.org/2005/Atom"><content>'
        f"<{kind}Description {_SPACES}>{inside}</{kind}Description></content></entry>"
    )


def _settings(rng: Random) -> str:
    names = rng.sample((*FIELDS, *_DETECTION), rng.choice((0, 0, 1, 2, 6)))
    told = "".join(f"<{name}>{rng.choice(_TEXTS)}</{name}>" for name in names)
    if rng.random() < 0.2:
        rights = f"<Rights><AccessRights>{rng.choice(('Send', 'x'))}</AccessRights></Rights>"
        key = rng.choice(("", "<KeyName>k</KeyName>"))
        told += f"<AuthorizationRules><X>{rights}{key}</X></AuthorizationRules>"
    return told


def _rule(rng: Random) -> str:
    action = rng.choice(("SqlRuleAction", "EmptyRuleAction", "x"))
    return (
        f'<Filter i:type="{rng.choice(_TYPES)}">{_sql(rng)}{_values(rng, "Properties")}</Filter>'
        f'<Action i:type="{action}">{_sql(rng)}</Action>'
        f"<Name>{rng.choice(('r', '$Default', '', 'x y'))}</Name>"
    )


def _sql(rng: Random) -> str:
    return f"<SqlExpression>{rng.choice(_SQL)}</SqlExpression>{_values(rng, 'Parameters')}"


def _values(rng: Random, name: str) -> str:
    values = "".join(
        f"<X><Key>{rng.choice(('@p', 'a', ''))}</Key>"
        f'<Value i:type="d:{rng.choice(_VALUES)}">{rng.choice(_TEXTS)}</Value></X>'
        for _ in range(rng.randrange(3))
    )
    return f"<{name}>{values}</{name}>"
