"""The examples of docs/servicebus.md do what the page says; its tables are complete."""

import json
import re
from pathlib import Path

import pytest

from retrain.local.servicebus import parse_config
from retrain.local.servicebus.config_file import (
    QueueProperties,
    SubscriptionProperties,
    TopicProperties,
)
from tests.contract.servicebus.emulator import EmulatorProcess

PAGE = Path("docs/servicebus.md").read_text("utf-8")


def example(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_example_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "Config.json"
    config.write_text(example("json"), "utf-8")
    with EmulatorProcess(tmp_path / "data", config) as process:
        exec(example("python").replace("127.0.0.1:5672", f"127.0.0.1:{process.port}"), {})
    assert capsys.readouterr().out == "hello\n"


def test_the_example_of_topics_is_read() -> None:
    topics = json.loads("{" + example("jsonc") + "}")["Topics"]
    found = parse_config({"UserConfig": {"Namespaces": [{"Topics": topics}]}})
    assert [each.path for each in found.rules] == [
        "orders/Subscriptions/large/Rules/over-100",
        "orders/Subscriptions/large/Rules/from-vip",
    ]


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("queue", QueueProperties),
        ("topic", TopicProperties),
        ("subscription", SubscriptionProperties),
    ],
)
def test_every_property_is_told(kind: str, properties: type[QueueProperties]) -> None:
    aliases = {field.alias for field in properties.model_fields.values()}
    table = PAGE.partition("## Config.json")[2].partition("```")[0]
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE)
    told = {name for name, of in rows if kind in of or of == "all three"}
    inside = {"DuplicateDetectionHistoryTimeWindow"}  # has no row, but is in another one's
    assert told | (inside & aliases) == aliases
