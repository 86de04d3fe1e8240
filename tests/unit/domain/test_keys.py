"""Names that are derived: unique, sortable, and short enough for Azure Batch."""

from datetime import datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.keys import (
    BATCH_PREFIX,
    attempt_key,
    digest,
    is_run_name,
    run_name,
    split_attempt_key,
)
from tests.factories import NOON, after


def test_a_run_is_named_by_when_and_what() -> None:
    name = run_name("request-1", NOON + timedelta(milliseconds=7))
    assert name.startswith("20260310-120000007-")
    assert is_run_name(name)
    assert name != run_name("request-2", NOON + timedelta(milliseconds=7))


def test_the_same_moment_elsewhere_is_the_same_name() -> None:
    tokyo = NOON.astimezone(timezone(timedelta(hours=9)))
    assert run_name("r", tokyo) == run_name("r", NOON)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_names_sort_by_time(one: int, two: int) -> None:
    first, second = sorted((after(one), after(two)))
    assert run_name("a", first)[:18] <= run_name("b", second)[:18]


@given(st.datetimes(min_value=datetime(2000, 1, 1)), st.integers(1, 10_000))  # noqa: DTZ001
def test_an_attempt_key_is_read_back_and_fits_batch(at: datetime, attempt: int) -> None:
    run = run_name("request", at.replace(tzinfo=NOON.tzinfo))
    key = attempt_key(run, attempt)
    assert split_attempt_key(key) == (run, attempt)
    assert len(BATCH_PREFIX + key) <= 64


def test_what_is_no_key_of_ours_is_none() -> None:
    for text in ("", "mine", "20260310-120000007-abcdef01", "20260310-120000007-abcdef01-x"):
        assert split_attempt_key(text) is None


@given(st.lists(st.text()), st.lists(st.text()))
def test_no_two_lists_share_a_digest(one: list[str], two: list[str]) -> None:
    assert (digest(*one) == digest(*two)) == (one == two)
