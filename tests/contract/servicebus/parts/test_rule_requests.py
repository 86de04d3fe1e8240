"""Rules over AMQP, as rule managers of other languages ask for them."""

from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import ServiceBusServer
from retrain.local.servicebus.amqp import Described, Timestamp, decode, sections
from retrain.local.servicebus.amqp.performatives import read
from retrain.local.servicebus.settings import (
    CorrelationFilter,
    FalseFilter,
    RuleSettings,
    SubscriptionSettings,
    TopicSettings,
)
from tests.contract.servicebus.parts.raw import (
    GREETING,
    Connect,
    Wire,
    attach,
    credit,
    play,
    request,
)

PATH = "t/Subscriptions/s"
_APPLICATION, _VALUE = 0x74, 0x77


class Asking:
    """A management link of an entity."""

    def __init__(self, server: ServiceBusServer, wire: Wire) -> None:
        self.server = server
        self._wire = wire

    async def open(self, path: str) -> None:
        address = f"{path}/$management"
        await self._wire.say(GREETING + attach(0, address, receives=False))
        await self._wire.say(attach(1, address, receives=True) + credit(1, 100))

    async def ask(self, name: str, **body: Any) -> tuple[int, Any]:
        """The status and the body of the answer."""
        told = {key.replace("_", "-"): value for key, value in body.items()}
        await self._wire.say(request(name, told, handle=0))
        answer = await self._wire.hear(0x14)
        _, payload = read(answer)
        parts = {code: decode(answer, at)[0] for code, at in found(answer, payload)}
        return parts[_APPLICATION]["statusCode"], parts[_VALUE]


def found(answer: bytes, payload: int) -> list[tuple[int, int]]:
    return [(code, payload + at) for code, _, at, _ in sections(answer[payload:])]


def plain(value: Any) -> Any:
    """Described lists as pairs of descriptor and list."""
    if isinstance(value, Described):
        return hex(value.descriptor), [plain(each) for each in value.value]
    return value


def scene_on(path: str, acts: Any) -> Any:
    async def scene(server: ServiceBusServer, connect: Connect) -> None:
        server.namespace.create(TopicSettings(name="t"))
        server.namespace.create(SubscriptionSettings(topic="t", name="s"))
        asking = Asking(server, await connect())
        await asking.open(path)
        await acts(asking)

    return scene


def test_rules_are_added_listed_and_removed(tmp_path: Path) -> None:
    async def acts(asking: Asking) -> None:
        assert await asking.ask("remove-rule", rule_name="$Default") == (200, {})
        told: dict[str, Any]
        told = {"sql-filter": {"expression": "a = 1"}, "sql-rule-action": {"expression": "SET b=2"}}
        assert (await asking.ask("add-rule", rule_name="sql", rule_description=told))[0] == 200
        properties = {"n": 1, "at": Timestamp(1000)}
        told = {"correlation-filter": {"label": "l", "to": "x", "properties": properties}}
        assert (await asking.ask("add-rule", rule_name="equal", rule_description=told))[0] == 200
        never = RuleSettings(topic="t", subscription="s", name="never", filter=FalseFilter())
        asking.server.namespace.create(never)
        status, body = await asking.ask("enumerate-rules", skip=0, top=10)
        assert status == 200
        empty: Any = ("0x13700000005", [])
        fields = [None, None, "x", None, "l", None, None, None, properties]
        assert [plain(each["rule-description"]) for each in body["rules"]] == [
            ("0x13700000004", [("0x1370000009", fields), empty, "equal"]),
            ("0x13700000004", [("0x1370000008", []), empty, "never"]),
            ("0x13700000004", [("0x1370000006", ["a = 1"]), ("0x13700000006", ["SET b=2"]), "sql"]),
        ]
        assert (await asking.ask("enumerate-rules", skip=3, top=10))[0] == 204
        kept = asking.server.namespace.rule("t", "s", "equal").settings.filter
        assert isinstance(kept, CorrelationFilter)
        assert kept.properties["at"].isoformat() == "1970-01-01T00:00:01+00:00"

    play(tmp_path, scene_on(PATH, acts))


BAD: dict[str, tuple[str, dict[str, Any], int]] = {
    "there already": (
        "add-rule",
        {"rule_name": "$Default", "rule_description": {"sql-filter": {"expression": "1=1"}}},
        409,
    ),
    "no condition": (
        "add-rule",
        {"rule_name": "r", "rule_description": {"sql-filter": {"expression": "1="}}},
        400,
    ),
    "no filter": ("add-rule", {"rule_name": "r", "rule_description": {}}, 400),
    "no description": ("add-rule", {"rule_name": "r"}, 400),
    "a field of a wrong type": (
        "add-rule",
        {"rule_name": "r", "rule_description": {"correlation-filter": {"label": 1}}},
        400,
    ),
    "a value of a wrong type": (
        "add-rule",
        {
            "rule_name": "r",
            "rule_description": {"correlation-filter": {"properties": {"a": [1]}}},
        },
        400,
    ),
    "no such rule": ("remove-rule", {"rule_name": "none"}, 404),
    "no number": ("enumerate-rules", {"skip": "0", "top": 1}, 400),
}


@pytest.mark.parametrize(("name", "body", "status"), BAD.values(), ids=BAD)
def test_what_is_refused(tmp_path: Path, name: str, body: dict[str, Any], status: int) -> None:
    async def acts(asking: Asking) -> None:
        assert (await asking.ask(name, **body))[0] == status
        assert [each.settings.name for each in asking.server.namespace.rules("t", "s")] == [
            "$Default"
        ]

    play(tmp_path, scene_on(PATH, acts))


@pytest.mark.parametrize("path", ["q", "t", f"{PATH}/$DeadLetterQueue"])
def test_what_has_no_rules(tmp_path: Path, path: str) -> None:
    async def acts(asking: Asking) -> None:
        status, _ = await asking.ask("enumerate-rules", skip=0, top=1)
        assert status in (400, 404)

    play(tmp_path, scene_on(path, acts))


def test_a_topic_is_asked_for_schedules_alone(tmp_path: Path) -> None:
    async def acts(asking: Asking) -> None:
        status, _ = await asking.ask("peek-message", from_sequence_number=1, message_count=1)
        assert status == 400
        status, _ = await asking.ask("schedule-message", messages=[])
        assert status == 200

    play(tmp_path, scene_on("t", acts))
