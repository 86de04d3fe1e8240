"""One build for each image: claims, waiting, failures, and those who die in between."""

from datetime import timedelta

import pytest

from shared.app.image_builds import ImageBuilds, log_path
from shared.domain.errors import Refused, Transient
from shared.jobs.images import Recipe
from shared.ports.files import OUTPUTS
from tests.factories import a_job_to_build
from tests.simulation.twins.images import SimulatedImages
from tests.simulation.twins.world import Twins

RECIPE = a_job_to_build().environment.recipe


def a_world(seconds: float = 10) -> tuple[Twins, ImageBuilds]:
    twins = Twins()
    twins.images.takes = timedelta(seconds=seconds)
    return twins, builds_of(twins)


def builds_of(twins: Twins, images: SimulatedImages | None = None) -> ImageBuilds:
    return ImageBuilds(images or twins.images, twins.registry, twins.files, twins.clock)


def test_two_that_need_the_same_image_build_it_once() -> None:
    twins, builds = a_world()
    states = [builds.ensure(RECIPE, run, afresh=True).state for run in ("one", "two", "one")]
    assert states == ["building"] * 3
    twins.clock.pass_by(11)
    for run in ("one", "two"):
        assert builds.ensure(RECIPE, run, afresh=False).image == f"built/{RECIPE.key[:12]}"
    assert builds.ensure(RECIPE, "three", afresh=True).state == "ready"
    assert twins.images.builds == 1


def test_what_is_there_at_once_is_ready_at_once() -> None:
    twins, builds = a_world(0)
    assert builds.ensure(RECIPE, "one", afresh=True).state == "ready"
    assert twins.images.builds == 1


def test_a_hit_reads_no_claim_and_builds_nothing() -> None:
    twins, builds = a_world(0)
    builds.ensure(RECIPE, "one", afresh=True)
    twins.registry.documents.clear()
    assert builds.ensure(RECIPE, "two", afresh=True).state == "ready"
    assert (twins.images.builds, twins.registry.documents) == (1, {})


def test_a_failure_is_told_to_all_who_waited_and_tried_anew_for_who_asks_later() -> None:
    twins, builds = a_world()
    twins.images.failing.add(RECIPE.key)
    for run in ("one", "two"):
        builds.ensure(RECIPE, run, afresh=True)
    twins.clock.pass_by(11)
    for run in ("one", "two"):
        state = builds.ensure(RECIPE, run, afresh=False)
        assert (state.state, state.reason) == ("failed", "no such package")
    assert builds.log(RECIPE.key, 0, 100) == (b"solving\nno such package\n", True)
    assert builds.ensure(RECIPE, "three", afresh=True).state == "building"
    twins.images.failing.clear()
    twins.clock.pass_by(11)
    assert builds.ensure(RECIPE, "three", afresh=False).state == "ready"
    assert twins.images.builds == 2


def test_a_failure_that_only_the_log_explains_is_told_with_its_end() -> None:
    twins, builds = a_world()
    twins.images.failing.add(RECIPE.key)
    twins.images.explained = False
    builds.ensure(RECIPE, "one", afresh=True)
    twins.clock.pass_by(11)
    state = builds.ensure(RECIPE, "one", afresh=False)
    assert (state.state, state.reason) == ("failed", "it\nsolving\nno such package")
    record = builds.record(RECIPE.key)
    assert record is not None
    assert record.reason == state.reason


def test_the_log_grows_and_is_kept_when_the_build_has_ended() -> None:
    twins, builds = a_world()
    assert builds.log(RECIPE.key, 0, 100) == (b"", False)
    builds.ensure(RECIPE, "one", afresh=True)
    assert builds.log(RECIPE.key, 0, 100) == (b"solving\n", False)
    twins.clock.pass_by(11)
    builds.ensure(RECIPE, "one", afresh=False)
    assert builds.log(RECIPE.key, 8, 100) == (b"done\n", True)
    assert builds.log(RECIPE.key, 13, 100) == (b"", True)
    assert twins.files.read(OUTPUTS, log_path(RECIPE.key)) == b"solving\ndone\n"
    record = builds.record(RECIPE.key)
    assert record is not None
    assert (record.state, record.image) == ("ready", f"built/{RECIPE.key[:12]}")
    assert record.ended_at == twins.clock.now


def test_an_image_that_was_deleted_is_built_again() -> None:
    twins, builds = a_world(0)
    builds.ensure(RECIPE, "one", afresh=True)
    twins.images.deleted.update(twins.images.started)
    builds.ensure(RECIPE, "two", afresh=True)
    assert twins.images.builds == 2


class Dying(SimulatedImages):
    """Images whose caller dies, or whose service is away, or that refuses to build."""

    def __init__(self, twins: Twins, error: BaseException) -> None:
        super().__init__(twins.clock, timedelta(seconds=10))
        self.error = error

    def begin(self, recipe: Recipe) -> str:
        raise self.error


def test_a_claim_of_somebody_who_died_is_taken_over_after_a_minute() -> None:
    twins, builds = a_world()
    with pytest.raises(KeyboardInterrupt):
        builds_of(twins, Dying(twins, KeyboardInterrupt())).ensure(RECIPE, "one", afresh=True)
    assert builds.ensure(RECIPE, "two", afresh=True).state == "building"
    assert twins.images.builds == 0, "the one who claimed it may just be slow"
    twins.clock.pass_by(61)
    assert builds.ensure(RECIPE, "two", afresh=False).state == "building"
    assert twins.images.builds == 1


def test_a_service_that_is_away_holds_nobody_up_once_it_is_back() -> None:
    twins, builds = a_world()
    with pytest.raises(Transient):
        builds_of(twins, Dying(twins, Transient("throttled"))).ensure(RECIPE, "one", afresh=True)
    assert builds.ensure(RECIPE, "one", afresh=True).state == "building"
    assert twins.images.builds == 1


def test_a_refusal_is_a_failure_with_its_remedy() -> None:
    twins, builds = a_world()
    refusing = builds_of(twins, Dying(twins, Refused("No.", remedy="Ask for it.")))
    assert refusing.ensure(RECIPE, "one", afresh=True).reason == "No. Ask for it."
    assert builds.ensure(RECIPE, "one", afresh=False).state == "failed"
    assert builds.ensure(RECIPE, "two", afresh=True).state == "building"


def test_a_build_that_nobody_knows_any_more_is_begun_again() -> None:
    twins, builds = a_world()
    builds.ensure(RECIPE, "one", afresh=True)
    twins.images.started.clear()
    assert builds.ensure(RECIPE, "one", afresh=False).state == "building"
    assert twins.images.builds == 1
