"""Ledger: lines that are only added, by many at once, and read on from where one was."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.ports.ledger import LONGEST_LINE, START, Position
from tests.contract.ports.conftest import Stores


def test_lines_are_read_as_they_were_added(stores: Stores) -> None:
    assert stores.ledger.read("r/1/metrics") == (b"", START)
    for line in (b"a\n", "größer\n".encode()):
        stores.ledger.append("r/1/metrics", line)
    text, end = stores.ledger.read("r/1/metrics")
    assert text == "a\ngrößer\n".encode()
    assert end == Position(0, len(text))


def test_reading_goes_on_where_it_ended(stores: Stores) -> None:
    stores.ledger.append("r", b"a\n")
    _, end = stores.ledger.read("r")
    assert stores.ledger.read("r", end) == (b"", end)
    stores.ledger.append("r", b"b\n")
    assert stores.ledger.read("r", end) == (b"b\n", Position(0, 4))


def test_an_end_that_moved_takes_no_line(stores: Stores) -> None:
    assert stores.ledger.append_at("r", b"a\n", START)
    assert not stores.ledger.append_at("r", b"b\n", START)
    _, end = stores.ledger.read("r")
    assert stores.ledger.append_at("r", b"c\n", end)
    assert not stores.ledger.append_at("r", b"d\n", end)
    assert stores.ledger.read("r")[0] == b"a\nc\n"


def test_of_a_race_to_the_same_end_one_wins(stores: Stores) -> None:
    def run(number: int) -> bool:
        return stores.ledger.append_at("r", f"{number}\n".encode(), START)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(run, range(8))) == 1
    assert len(stores.ledger.read("r")[0]) == 2


def test_many_writers_lose_nothing(stores: Stores) -> None:
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda n: stores.ledger.append("r", f"{n}\n".encode()), range(40)):
            pass
    lines = stores.ledger.read("r")[0].split()
    assert sorted(map(int, lines)) == [*range(40)]


def test_a_ledger_is_longer_than_one_segment(stores: Stores) -> None:
    line = b"x" * (LONGEST_LINE - 1) + b"\n"
    for _ in range(9):
        stores.ledger.append("r", line)
    stores.ledger.append("r", b"last\n")
    text, end = stores.ledger.read("r")
    assert (len(text), text[-5:]) == (9 * LONGEST_LINE + 5, b"last\n")
    assert stores.ledger.read("r", end) == (b"", end)
    assert stores.ledger.append_at("r", b"more\n", end)
    assert stores.ledger.read("r", end)[0] == b"more\n"


def test_an_end_on_a_full_segment_goes_on_in_the_next(stores: Stores) -> None:
    line = b"x" * (LONGEST_LINE - 1) + b"\n"
    end = START
    for _ in range(6):
        assert stores.ledger.append_at("r", line, end)
        _, end = stores.ledger.read("r", end)
    assert stores.ledger.read("r")[0] == line * 6


def test_a_line_that_is_too_long_is_refused(stores: Stores) -> None:
    with pytest.raises(ValueError, match="too long"):
        stores.ledger.append("r", b"x" * (LONGEST_LINE + 1))


def test_a_list_is_by_prefix(stores: Stores) -> None:
    for path in ("r/1/metrics", "r/1/facts", "r/2/facts", "s/1/facts"):
        stores.ledger.append(path, b"a\n")
    assert [*stores.ledger.list("r/1/")] == ["r/1/facts", "r/1/metrics"]
