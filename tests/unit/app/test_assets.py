"""Registered things: versions that never change, labels that move."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.app.assets import Assets
from shared.domain.errors import Conflict, NotFound, Taken
from shared.jobs.references import AssetReference
from tests.factories import NOON
from tests.simulation.faults import Crash
from tests.simulation.twins.registry import SimulatedRegistry
from tests.simulation.twins.world import Twins

WINE = {"type": "uri_file", "path": "azureml://datastores/workspaceblobstore/paths/wine.csv"}


def an_asset(twins: Twins, name: str = "wine", version: str | None = None, **fields: Any) -> str:
    """Register; returns the version."""
    asset, _ = twins.product().assets.register("data", name, {**WINE, **fields}, version)
    return asset.version


def test_versions_count_from_one() -> None:
    twins = Twins()
    assert [an_asset(twins, n=n) for n in (1, 2, 3)] == ["1", "2", "3"]


def test_a_version_is_as_it_was_registered() -> None:
    twins = Twins()
    asset, new = twins.product().assets.register("data", "wine", WINE)
    assert (asset.document, asset.created_at, new) == (WINE, NOON, True)
    assert asset.reference == "azureml:wine:1"
    assert twins.product().assets.get("data", "wine", "1") == asset
    assert "data/wine/1" in twins.registry.documents


def test_the_same_content_is_the_same_asset() -> None:
    twins = Twins()
    an_asset(twins, n=1)
    an_asset(twins, n=2)
    first, new = twins.product().assets.register("data", "wine", {**WINE, "n": 1})
    assert (first.version, new) == ("1", False)


def test_a_version_of_other_content_is_refused() -> None:
    twins = Twins()
    an_asset(twins, version="7")
    assert an_asset(twins, version="7") == "7"
    with pytest.raises(Taken, match="wine:7 is registered with other content"):
        an_asset(twins, version="7", n=1)
    assert an_asset(twins) == "7", "it has this content already"
    assert an_asset(twins, n=1) == "8"


def test_names_and_kinds_count_apart() -> None:
    twins = Twins()
    assert (an_asset(twins), an_asset(twins, "beer")) == ("1", "1")
    model, _ = twins.product().assets.register("models", "wine", WINE)
    assert model.version == "1"


def test_the_latest_is_the_one_registered_last() -> None:
    twins = Twins()
    for version in ("9", "10", "v2"):
        twins.clock.pass_by(1)
        an_asset(twins, version=version, n=version)
    assets = twins.product().assets
    assert [*assets.versions("data", "wine")] == ["9", "10", "v2"]
    assert assets.latest("data", "wine").version == "v2"
    assets.archive("data", "wine", "v2")
    assert assets.latest("data", "wine").version == "10"
    assert assets.get("data", "wine", "v2").version == "v2", "archived is not gone"


def test_numbers_of_one_instant_are_in_their_order() -> None:
    twins = Twins()
    for n in range(11):
        an_asset(twins, n=n)
    assert twins.product().assets.latest("data", "wine").version == "11"


def test_a_reference_is_resolved() -> None:
    twins = Twins()
    an_asset(twins, n=1)
    an_asset(twins, n=2)
    assets = twins.product().assets
    assets.set_label("data", "wine", "champion", "1")
    found = {
        str(wanted): assets.resolve("data", wanted).version
        for wanted in (
            AssetReference("wine", version="1"),
            AssetReference("wine", label="latest"),
            AssetReference("wine", label="champion"),
            AssetReference("wine"),
        )
    }
    assert found == {
        "azureml:wine:1": "1",
        "azureml:wine@latest": "2",
        "azureml:wine@champion": "1",
    }


MISSING = {
    "a version": (
        AssetReference("wine", version="2"),
        "There is no data asset 'wine:2'.",
        "'wine' has the versions: 1.",
    ),
    "a label": (
        AssetReference("wine", label="bset"),
        "There is no data asset 'wine@bset'.",
        "'wine' has the labels: best (1), latest.",
    ),
    "a name": (
        AssetReference("wines"),
        "There is no data asset 'wines'; did you mean 'wine'?",
        "`retrain data list` shows those there are.",
    ),
    "all of it archived": (
        AssetReference("beer"),
        "There is no data asset 'beer@latest'.",
        "All of 'beer' is archived; `retrain data restore beer`.",
    ),
}


@pytest.mark.parametrize(("wanted", "said", "remedy"), MISSING.values(), ids=MISSING)
def test_what_is_not_there_is_named_with_what_is(
    wanted: AssetReference, said: str, remedy: str
) -> None:
    twins = Twins()
    an_asset(twins)
    assets = twins.product().assets
    assets.set_label("data", "wine", "best", "1")
    assets.register("data", "beer", {"a": 1})
    assets.archive("data", "beer", None)
    with pytest.raises(NotFound) as told:
        assets.resolve("data", wanted)
    assert told.value.code == "DataAssetNotFound"
    assert (told.value.message, told.value.remedy) == (said, remedy)


def test_a_label_moves_only_from_where_it_was_seen() -> None:
    twins = Twins()
    for n in range(3):
        an_asset(twins, n=n)
    assets = twins.product().assets
    seen = assets.labels("data", "wine")
    assets.set_label("data", "wine", "champion", "2", seen=seen)
    with pytest.raises(Conflict):
        assets.set_label("data", "wine", "champion", "3", seen=seen)
    assets.set_label("data", "wine", "stable", "1")
    assert assets.labels("data", "wine").labels == {"champion": "2", "stable": "1"}
    with pytest.raises(NotFound):
        assets.set_label("data", "wine", "champion", "4")


def test_names_are_listed_with_versions_labels_and_what_is_archived() -> None:
    twins = Twins()
    an_asset(twins, n=1)
    an_asset(twins, n=2)
    an_asset(twins, "beer")
    assets = twins.product().assets
    assets.archive("data", "beer", None)
    assets.set_label("data", "wine", "champion", "1")
    beer, wine = assets.names("data")
    assert (beer.name, beer.archived) == ("beer", True)
    assert (wine.versions, wine.archived, wine.labels) == (["1", "2"], False, {"champion": "1"})
    assets.archive("data", "beer", None, back=True)
    assert not assets.names("data")[0].archived
    with pytest.raises(NotFound):
        assets.archive("data", "cider", None)


class _DyingRegistry(SimulatedRegistry):
    """Dies at the given call, before or after it is done."""

    def __init__(self, inner: SimulatedRegistry, at: int, *, after: bool) -> None:
        super().__init__(inner.clock, inner.documents, inner.writes)
        self.left, self.after = at, after

    def once(self, kind: str, name: str, document: Any) -> dict[str, Any]:
        self.left -= 1
        if self.left < 0 and not self.after:
            raise Crash("before once")
        told = super().once(kind, name, document)
        if self.left < 0:
            raise Crash("after once")
        return told


@given(
    contents=st.lists(st.integers(1, 3), max_size=6),
    at=st.integers(0, 1),
    after=st.booleans(),
    other=st.booleans(),
)
def test_whoever_dies_while_registering_finds_its_version_again(
    contents: list[int], at: int, after: bool, other: bool
) -> None:
    """And no content ever has two numbers, nor a number two contents."""
    twins = Twins()
    for n in contents:
        an_asset(twins, n=n)
    dying = Assets(_DyingRegistry(twins.registry, at, after=after), twins.clock)
    with suppress(Crash):
        dying.register("data", "wine", {**WINE, "n": 9})
    if other:
        an_asset(twins, n=8)  # takes the number that the dead one had in mind
    version = an_asset(twins, n=9)
    assert an_asset(twins, n=9) == version
    assets = twins.product().assets
    digests = [assets.get("data", "wine", v).digest for v in assets.versions("data", "wine")]
    assert len(digests) == len({*digests}) == len({*contents, 9}) + other
