"""The examples of docs/servicebus.md do what the page says; its tables are complete."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import parse_config
from retrain.local.servicebus.config_file import (
    QueueProperties,
    SubscriptionProperties,
    TopicProperties,
)
from retrain.local.servicebus.sas import DEFAULT_KEY
from retrain.local.servicebus.wire.frames import MAX_FRAME
from retrain.local.servicebus.wire.limits import Limits
from tests.contract.servicebus.emulator import EmulatorProcess

PAGE = Path("docs/servicebus.md").read_text("utf-8")


def examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def example(language: str) -> str:
    (found,) = examples(language)
    return found


def keys() -> list[str]:
    """Those of the third command."""
    words = shlex.split(examples("sh")[2])
    assert words[:3] == ["python", "-m", "retrain.local.servicebus"]
    assert set(words[3::2]) == {"--key"}
    return words[4::2]


def test_the_examples_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "Config.json"
    config.write_text(example("json"), "utf-8")
    data = tmp_path / "data"
    given = (f"{DEFAULT_KEY.name}={DEFAULT_KEY.value}", *keys())
    options = [word for key in given for word in ("--key", key)]
    with EmulatorProcess(data, config, 0, *options) as process:
        names: dict[str, Any] = {}
        for code in examples("python"):
            here = code.replace("127.0.0.1:5672", f"127.0.0.1:{process.port}")
            exec(here.replace(".servicebus/", f"{data}/"), names)
    assert capsys.readouterr().out == "hello\n['invoices', 'orders']\n0\n"


def test_every_option_is_told() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "retrain.local.servicebus", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    options = set(re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE))
    assert len(options) >= 6
    table = PAGE.partition("| option |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`(--[a-z-]+)`", table)) == options


def test_the_limits_are_those_of_the_code() -> None:
    limits, mebi = Limits(), 1 << 20
    table = PAGE.partition("## Limits")[2].partition("\n\nClients")[0]
    for row in (
        f"| connections | {limits.connections:,} |",
        f"| the time to open a connection | {limits.handshake_seconds:.0f} s |",
        f"| silence | {limits.idle_seconds:.0f} s; clients are asked for a sign of life every "
        f"{limits.idle_seconds / 2:.0f} s |",
        f"| messages begun and not ended | {limits.partial_bytes // mebi} MiB a connection |",
        f"| {limits.reply_bytes // mebi} MiB a link |",
        f"| {limits.output_bytes // mebi} MiB | messages stay in the queue",
        f"| a frame | {MAX_FRAME // 1024} KiB |",
    ):
        assert row in table


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
