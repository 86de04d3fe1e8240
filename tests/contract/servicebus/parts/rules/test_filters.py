"""What SQL filters say of a message: true, false, unknown, or that they can't judge it."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from retrain.local.servicebus.amqp import Timestamp
from retrain.local.servicebus.rules.errors import FilterError
from retrain.local.servicebus.rules.parser import Parser
from tests.contract.servicebus.parts.rules.letters import view

ID = uuid.UUID(int=7)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MESSAGE: dict[str, Any] = {
    "id": "m-1",
    "to": "Berlin",
    "label": "news",
    "reply_to": "back",
    "correlation": 42,
    "type": "text/plain",
    "session": "s",
    "partition": "p-1",
    "user": {
        "color": "blue",
        "Quantity": 10,
        "half": 0.5,
        "yes": True,
        "nothing": None,
        "two words": "a]b",
        "percent": "50%",
        "id": ID,
        "at": Timestamp(int(NOON.timestamp() * 1000)),
        "raw": b"\x00",
    },
}

HOLDS: dict[str, bool | None] = {
    # comparison
    "color = 'blue'": True,
    "color = 'BLUE'": False,
    "color <> 'red'": True,
    "color != 'blue'": False,
    "COLOR = 'blue'": True,
    "user.color = 'blue'": True,
    "USER.[color] = 'blue'": True,
    "\"color\" = 'blue'": True,
    "[two words] = 'a]b'": True,
    "color > 'a' AND color < 'c'": True,
    "quantity = 10": True,
    "quantity = 10.0": True,
    "quantity >= 10 and quantity <= 10": True,
    "quantity > 10": False,
    "half < 1": True,
    "half = 5E-1": True,
    "yes = TRUE": True,
    "yes <> true": False,
    "at = @noon": True,
    "at < @noon": False,
    "id = @id": True,
    "raw = raw": True,
    "'it''s' = 'it''s'": True,
    "newid() <> newid()": True,
    # the service's own properties
    "sys.MessageId = 'm-1'": True,
    "SYS.messageid = 'm-1'": True,
    "sys.To = 'Berlin'": True,
    "sys.Label LIKE 'new%'": True,
    "sys.ReplyTo = 'back'": True,
    "sys.CorrelationId = '42'": True,
    "sys.ContentType = 'text/plain'": True,
    "sys.SessionId = 's'": True,
    "sys.PartitionKey = 'p-1'": True,
    "sys.ReplyToSessionId IS NULL": True,
    "sys.ReplyToSessionId = 's'": None,
    "sys.DeliveryCount = 0": True,
    "sys.Size > 0": True,
    "sys.TimeToLive IS NULL": True,
    "EXISTS(sys.To)": True,
    # arithmetic
    "1 + 2 * 3 = 7": True,
    "(1 + 2) * 3 = 9": True,
    "7 / 2 = 3 AND -7 / 2 = -3": True,
    "7 % 3 = 1 AND -7 % 3 = -1": True,
    "7 / 2.0 = 3.5": True,
    "10 - 2 - 3 = 5": True,
    "- - 1 = 1 AND +1 = 1": True,
    "quantity * half = 5": True,
    "1 / 0.0 > 9E300": True,
    "'a' + 'b' = 'ab'": True,
    # LIKE
    "color LIKE 'b%'": True,
    "color LIKE '%u%'": True,
    "color LIKE 'bl_e'": True,
    "color LIKE 'bl_'": False,
    "color NOT LIKE 'r%'": True,
    "color LIKE 'B%'": False,
    r"percent LIKE '50\%' ESCAPE '\'": True,
    r"color LIKE 'blue\%' ESCAPE '\'": False,
    "'a.c' LIKE 'a.c' AND NOT 'abc' LIKE 'a.c'": True,
    # IN
    "color IN ('red', 'blue')": True,
    "color NOT IN ('red', 'green')": True,
    "quantity IN (1, 5 + 5)": True,
    "quantity IN (1, 2)": False,
    # null and what is not there
    "none IS NULL": True,
    "nothing IS NULL": True,
    "color IS NOT NULL": True,
    "EXISTS(color)": True,
    "EXISTS (nothing)": True,
    "EXISTS(none)": False,
    "NOT EXISTS(none)": True,
    "none = 1": None,
    "none <> 1": None,
    "color = NULL": None,
    "none + 1 = 2": None,
    "-none = 1": None,
    "none LIKE 'a'": None,
    "color LIKE none": None,
    "none NOT LIKE 'a'": None,
    "none IN (1)": None,
    "none NOT IN (1)": None,
    "color IN ('red', none)": None,
    "color IN ('blue', none)": True,
    # names that are computed
    "property('color') = 'blue'": True,
    "p('col' + 'or') = 'blue'": True,
    "EXISTS(p('color'))": True,
    "p('none') IS NULL": True,
    "p(none) = 1": None,
    # logic
    "NOT color = 'blue'": False,
    "NOT none = 1": None,
    "color = 'blue' OR none = 1": True,
    "none = 1 OR color = 'blue'": True,
    "none = 1 AND color = 'red'": False,
    "color = 'red' AND none = 1": False,
    "none = 1 AND color = 'blue'": None,
    "none = 1 OR color = 'red'": None,
    "1=1 OR 1=1 AND 1=0": True,
    "(1=1 OR 1=1) AND 1=0": False,
    "NOT 1=0 AND 1=1": True,
    "color = @wanted": True,
    "quantity > @Least": True,
}


@pytest.mark.parametrize(("text", "expected"), HOLDS.items(), ids=HOLDS)
def test_it_holds(text: str, expected: bool | None) -> None:
    given = {"@wanted": "blue", "least": 9, "@noon": NOON, "@id": ID}
    assert Parser(text, given).whole_predicate().holds(view(**MESSAGE)) is expected


CAN_NOT: dict[str, str] = {
    "sys.Nothing = 1": "sys.Nothing",
    "color = 1": "compare a str with a number",
    "quantity = '10'": "compare a number with a str",
    "yes = 1": "compare a boolean with a number",
    "yes < FALSE": "has no order",
    "raw <= raw": "has no order",
    "id > newid()": "has no order",
    "color IN ('red', 1)": "compare",
    "quantity LIKE '1%'": "LIKE",
    "color LIKE 'b' ESCAPE 'xy'": "ESCAPE",
    "1 / 0 = 1": "divide by zero",
    "1 % 0 = 1": "divide by zero",
    "color * 2 = 4": "join a str and a number",
    "-color = 1": "negative",
    "9223372036854775807 + 1 > 0": "overflow",
    "p(1) = 1": "property",
}


@pytest.mark.parametrize(("text", "why"), CAN_NOT.items(), ids=CAN_NOT)
def test_it_can_not_judge(text: str, why: str) -> None:
    predicate = Parser(text, {}).whole_predicate()
    with pytest.raises(FilterError, match=why.replace("(", r"\(")):
        predicate.holds(view(**MESSAGE))
