"""The README tells what the code does: its table of statuses, its settings, its commands."""

import re
from dataclasses import fields
from pathlib import Path

from shared.domain.status import NEXT
from shared.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
INFRA = (ROOT / "infra" / "README.md").read_text()


def _table() -> str:
    rows = ["| status | may be followed by |", "|---|---|"]
    for status, followers in NEXT.items():
        words = ", ".join(f"`{follower}`" for follower in followers) or "nothing: it is final"
        rows.append(f"| `{status}` | {words} |")
    return "\n".join(rows)


def test_the_statuses_are_those_of_the_table() -> None:
    assert _table() in README


def test_each_setting_is_told_of() -> None:
    names = [f"RETRAIN_{field.name.upper()}" for field in fields(Settings)]
    assert [name for name in names if f"`{name}`" not in README] == []
    assert [name for name in names if f"`{name}" not in INFRA] == []


def test_the_two_commands_are_targets() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    asked = re.findall(r"^make (\w+)", README, re.MULTILINE)
    assert {"demo", "test", "up"} <= set(asked) <= set(targets)


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
