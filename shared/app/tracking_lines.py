"""Lines of ledgers: JSON, one write each, none longer than a ledger takes."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from shared.domain.tracked import Logged, Point
from shared.ports.ledger import LONGEST_LINE


def metric_lines(metrics: Logged) -> Iterator[bytes]:
    """A line for as many values as fit; for a usual batch that is one."""
    values = [[key, point.value, point.timestamp, point.step] for key, point in metrics]
    for part in _parts(values):
        yield _line({"m": part})


def read_metrics(text: bytes) -> Iterator[tuple[str, Point]]:
    for line in text.splitlines():
        for key, value, timestamp, step in json.loads(line)["m"]:
            yield key, Point(step, timestamp, value)


def fact_lines(kind: str, facts: Mapping[str, Any]) -> Iterator[bytes]:
    """Lines that say `kind` (params or tags) of these keys."""
    for part in _parts([*facts.items()]):
        yield _line({kind: dict(part)})


def fact_line(facts: Mapping[str, Any]) -> bytes:
    """One line. Raises ValueError when it is too long for one."""
    return _line(facts)


def read_facts(text: bytes) -> Iterator[Mapping[str, Any]]:
    return (json.loads(line) for line in text.splitlines())


def _parts(entries: list[Any]) -> Iterable[list[Any]]:
    """The entries in groups that are short enough for a line each, in order."""
    group: list[Any] = []
    size = 0
    for entry in entries:
        length = len(json.dumps(entry, ensure_ascii=False).encode()) + 2
        if group and size + length > LONGEST_LINE - 100:
            yield group
            group, size = [], 0
        group.append(entry)
        size += length
    if group:
        yield group


def _line(content: Mapping[str, Any]) -> bytes:
    # NaN and Infinity stand as Python writes and reads them.
    line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    if len(line) > LONGEST_LINE:
        raise ValueError(f"a line of {len(line)} bytes is too long")
    return line
