"""What runs used and made: concluded once, found from both sides."""

from typing import Any

import pytest

from shared import wire
from shared.app.lineage import made_by
from shared.app.observing import MARKER
from shared.domain.commands import Conclude
from shared.domain.errors import NotFound
from shared.domain.lineage import Registered
from shared.domain.run import Run
from shared.domain.status import Status
from shared.ports.files import DATA, OUTPUTS
from tests.factories import a_document
from tests.simulation.twins.attempts import Fate
from tests.simulation.twins.world import Twins

STORE = "azureml://datastores/workspaceblobstore/paths/"
MODEL = {"type": "custom_model", "name": "m"}


@pytest.fixture
def twins() -> Twins:
    world = Twins()
    world.files.write(DATA, "wine.csv", b"1,2\n")
    wine = {"name": "wine", "type": "uri_file", "path": STORE + "wine.csv"}
    world.product().catalog.register("data", wine)
    return world


def run_to_its_end(twins: Twins, *, leave: bool = True, **fields: Any) -> Run:
    """Submit, let it run, leave a model, and let its end be noticed."""
    name = twins.product().admission.submit_document(a_document(**fields), None).name
    twins.settle()
    for output in fields.get("outputs", {}) if leave else ():
        twins.files.write(OUTPUTS, f"{name}/1/outputs/{output}/model.bin", b"weights")
    twins.product().observer.landed(f"{name}/1/{MARKER}")
    twins.settle()
    return twins.runs.load(name).run


def test_an_output_with_a_name_is_a_model_of_the_registry(twins: Twins) -> None:
    run = run_to_its_end(twins, outputs={"model": MODEL})
    assert run.status is Status.COMPLETED, run.problem
    (written,) = run.writes
    assert written.asset == Registered(kind="models", name="m", version="1")
    assert written.content is not None
    assert (written.content.size, written.content.files) == (7, 1)
    asset = twins.product().assets.get("models", "m", "1")
    assert asset.document["type"] == "custom_model"
    assert asset.document["path"].endswith(f"paths/{run.name}/1/outputs/model/")
    assert made_by(asset) == run.name
    assert run.timeline[-1].note == "registered azureml:m:1"


def test_an_output_without_a_name_is_on_the_record(twins: Twins) -> None:
    run = run_to_its_end(twins, outputs={"model": None})
    assert run.status is Status.COMPLETED
    assert run.writes[0].asset is None
    assert run.writes[0].content is not None


def test_a_run_without_data_takes_no_step_more(twins: Twins) -> None:
    asked = a_document()
    name = twins.product().admission.submit_document(asked, None).name
    twins.settle()
    twins.product().observer.landed(f"{name}/1/{MARKER}")
    twins.settle()
    run = twins.runs.load(name).run
    assert run.status is Status.COMPLETED
    assert not run.leaves_lineage
    assert twins.product().lineage.of_run(name).left is None
    twins.files.write(OUTPUTS, f"{name}/1/outputs/undeclared.txt", b"x")
    left = twins.product().lineage.of_run(name).left
    assert left is not None
    assert (left.files, left.size) == (1, 1)


def test_concluding_again_registers_nothing_new(twins: Twins) -> None:
    run = run_to_its_end(twins, outputs={"model": MODEL})
    again = twins.product().lineage.conclude(run)
    assert again.writes == run.writes
    story = twins.product().lineage.of_run(run.name)
    assert (story.makers, [uses.count for uses in story.uses]) == ([], [0])
    assert [*twins.product().assets.versions("models", "m")] == ["1"]


def test_each_run_makes_a_version_of_its_own(twins: Twins) -> None:
    first = run_to_its_end(twins, outputs={"model": MODEL})
    second = run_to_its_end(twins, outputs={"model": MODEL})
    assets = twins.product().assets
    makers = [made_by(assets.get("models", "m", v)) for v in assets.versions("models", "m")]
    assert makers == [first.name, second.name]


def test_a_script_that_left_nothing_registers_nothing_and_fails(twins: Twins) -> None:
    run = run_to_its_end(twins, outputs={"model": MODEL}, leave=False)
    assert run.status is Status.FAILED
    assert run.problem is not None
    assert run.problem.code == "OutputNotRegistered"
    assert "${{outputs.model}}" in run.problem.remedy
    with pytest.raises(NotFound):
        twins.product().assets.latest("models", "m")


def test_a_version_that_was_taken_meanwhile_fails_the_run(twins: Twins) -> None:
    asked = a_document(outputs={"model": {**MODEL, "version": "5"}})
    name = twins.product().admission.submit_document(asked, None).name
    path = STORE + "wine.csv"
    twins.product().catalog.register("models", {"name": "m", "version": "5", "path": path})
    twins.settle()
    twins.files.write(OUTPUTS, f"{name}/1/outputs/model/model.bin", b"weights")
    twins.product().observer.landed(f"{name}/1/{MARKER}")
    twins.settle()
    run = twins.runs.load(name).run
    assert run.problem is not None
    assert "m:5 is registered with other content" in run.problem.message


def test_what_a_failed_run_left_is_not_registered(twins: Twins) -> None:
    twins.compute.fate_of = lambda key: Fate(cause="script")
    run = run_to_its_end(twins, outputs={"model": MODEL})
    assert run.status is Status.FAILED
    assert [*twins.product().assets.versions("models", "m")] == []


def test_data_knows_who_used_it(twins: Twins) -> None:
    wine = Registered(kind="data", name="wine", version="1")
    assert twins.product().lineage.uses(wine).count == 0
    given = {"x": {"type": "uri_file", "path": "azureml:wine@latest"}}
    names = [run_to_its_end(twins, inputs=given).name for _ in range(3)]
    uses = twins.product().lineage.uses(wine, shown=2)
    assert uses.count == 3
    assert [run.name for run in uses.runs] == sorted(names, reverse=True)[:2]
    assert str(twins.runs.load(names[0]).run.reads[0].asset) == "azureml:wine:1"


def test_an_entry_whose_run_came_to_nothing_is_passed_over(twins: Twins) -> None:
    twins.registry.once("uses/data/wine/1", "20260101-000000000-00000000", {})
    assert (
        twins.product().lineage.uses(Registered(kind="data", name="wine", version="1")).runs == []
    )


def test_data_that_changed_while_a_run_went_on_is_told(twins: Twins) -> None:
    given = {"x": {"type": "uri_file", "path": "azureml:wine:1"}}
    name = twins.product().admission.submit_document(a_document(inputs=given), None).name
    twins.files.write(DATA, "wine.csv", b"other rows\n")
    twins.settle()
    twins.product().observer.landed(f"{name}/1/{MARKER}")
    twins.settle()
    run = twins.runs.load(name).run
    assert run.status is Status.COMPLETED
    assert run.reads[0].changed
    assert run.reads[0].content is not None
    assert run.reads[0].content.size == 4, "what it was when the run was asked for"
    same = run_to_its_end(twins, inputs={"x": {"type": "uri_file", "path": STORE + "wine.csv"}})
    assert not same.reads[0].changed


def test_a_nudge_asks_for_the_conclusion_again(twins: Twins) -> None:
    """A run that waits in Finalizing for its conclusion is not forgotten."""
    name = (
        twins.product().admission.submit_document(a_document(outputs={"model": MODEL}), None).name
    )
    twins.settle()
    twins.files.write(OUTPUTS, f"{name}/1/outputs/model/model.bin", b"weights")
    twins.product().observer.landed(f"{name}/1/{MARKER}")
    while twins.runs.load(name).run.pending != (Conclude(1),):
        message = twins.bus.messages.pop(0)
        twins.product().inbox.handle(*wire.decode_event(message.body))
    twins.bus.clear()  # the telling is lost
    twins.clock.pass_by(3600)
    twins.product().watch.tick()
    twins.settle()
    assert twins.runs.load(name).run.status is Status.COMPLETED
    assert [*twins.product().assets.versions("models", "m")] == ["1"]
