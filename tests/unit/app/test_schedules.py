"""Standing orders: created, replaced, listed, deleted."""

import pytest

from shared.domain.errors import NotFound
from tests.factories import NOON, a_schedule, after
from tests.simulation.twins.world import Twins

DAILY = {"type": "cron", "expression": "0 3 * * *"}


def test_a_schedule_is_new_once_and_its_trigger_in_force_since_it_changed() -> None:
    twins = Twins()
    kept, new = twins.product().schedules.put(a_schedule(DAILY))
    assert (new, kept.created_at) == (True, NOON)
    twins.clock.pass_by(60)
    again, new = twins.product().schedules.put(a_schedule(DAILY, command="other"))
    assert (new, again.created_at, again.since) == (False, NOON, NOON)
    assert twins.product().schedules.get("wine") == again
    hourly = {"type": "cron", "expression": "0 * * * *"}
    changed, new = twins.product().schedules.put(a_schedule(hourly))
    assert (new, changed.created_at, changed.since) == (False, NOON, after(60))


def test_all_are_listed_by_name() -> None:
    twins = Twins()
    for name in ("b", "a"):
        twins.product().schedules.put(a_schedule(DAILY, name))
    assert [schedule.name for schedule in twins.product().schedules.all()] == ["a", "b"]


def test_what_is_not_there_can_be_neither_read_nor_deleted() -> None:
    schedules = Twins().product().schedules
    with pytest.raises(NotFound, match=r"no schedule 'wine'\."):
        schedules.get("wine")
    schedules.put(a_schedule(DAILY, name="wines"))
    with pytest.raises(NotFound, match=r"no schedule 'wine'; did you mean 'wines'\?"):
        schedules.get("wine")
    with pytest.raises(NotFound):
        schedules.delete("wine")


def test_what_is_deleted_is_gone() -> None:
    twins = Twins()
    twins.product().schedules.put(a_schedule(DAILY))
    twins.product().schedules.delete("wine")
    assert [*twins.product().schedules.kept()] == []
