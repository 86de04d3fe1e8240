"""What follows a number is found as a plain list would find it, whatever was deleted since."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from retrain.local.batch.catalog import Catalog


@dataclass(frozen=True)
class Thing:
    number: int


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefgh")), max_size=120),
    st.integers(0, 125),
)
def test_after(steps: list[tuple[bool, str]], number: int) -> None:
    catalog: Catalog[Thing] = Catalog()
    plain: list[tuple[str, Thing]] = []
    for count, (adding, key) in enumerate(steps, 1):
        if adding and key not in catalog:
            catalog[key] = Thing(count)
            plain.append((key, Thing(count)))
        elif not adding and key in catalog:
            del catalog[key]
            plain = [each for each in plain if each[0] != key]
    assert list(catalog.after(number)) == [each for _, each in plain if each.number > number]
    assert list(catalog.values()) == [each for _, each in plain]


def test_what_was_deleted_takes_no_room() -> None:
    catalog: Catalog[Thing] = Catalog()
    for number in range(10_000):
        catalog[str(number)] = Thing(number)
        if number >= 10:
            del catalog[str(number - 10)]
    assert len(catalog._order) < 100
    assert [each.number for each in catalog.after(9_994)] == list(range(9_995, 10_000))
