"""Environments by name: registered once, looked up when a job is asked for."""

from typing import Any

import pytest

from shared.domain.errors import Invalid, NotFound, Taken
from shared.domain.requests import TrainingRequest
from shared.domain.run import Source
from shared.domain.status import Status
from shared.jobs import parse_job
from shared.jobs.references import AssetReference
from tests.factories import CONDA, IMAGE, NOON
from tests.simulation.twins.world import Twins, handled

MINE: dict[str, Any] = {"name": "mine", "image": IMAGE, "conda_file": CONDA}


def a_request(environment: str, kind: Any = "http") -> TrainingRequest:
    job = parse_job({"command": "x", "environment": environment})
    return TrainingRequest(id="request-1", at=NOON, job=job, source=Source(kind=kind))


def test_versions_count_up_and_never_change() -> None:
    environments = Twins().product().environments
    versions = [
        environments.create({**MINE, "image": image})[0].version for image in ("a", "b", "a")
    ]
    assert versions == ["1", "2", "1"]
    with pytest.raises(Taken):
        environments.create({**MINE, "version": "1", "image": "c"})
    assert environments.get(AssetReference("mine", label="latest")).version == "2"


def test_people_s_words_are_part_of_a_version_and_not_of_the_key() -> None:
    environments = Twins().product().environments
    first, _ = environments.create({**MINE, "version": 1})
    second, _ = environments.create({**MINE, "version": 2, "description": "said anew"})
    keys = {environments.build(f"azureml:mine:{v}", afresh=True)[0] for v in (1, 2)}
    assert len(keys) == 1
    assert first.digest != second.digest


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"image": "a"}, "needs a name"),
    "a name of strange letters": ({"name": "a/b", "image": "a"}, "names nothing registered"),
    "a local conda file": ({**MINE, "conda_file": "conda.yml"}, "is a local path"),
    "a local context": ({"name": "a", "build": {"path": "context"}}, "is a local path"),
}


@pytest.mark.parametrize(("document", "words"), BAD.values(), ids=BAD)
def test_what_can_not_be_registered_is_refused(document: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        Twins().product().environments.create(document)


def test_a_run_s_record_holds_what_the_name_stood_for() -> None:
    twins = Twins()
    product = twins.product()
    product.environments.create(MINE)
    run = product.admission.submit(a_request("azureml:mine@latest"))
    product.environments.create({**MINE, "image": "another"})
    kept = twins.runs.load(run.name).run.job.environment
    assert (kept.image, kept.called, kept.reference) == (IMAGE, "mine:1", None)


def test_a_caller_is_told_that_there_is_none() -> None:
    twins = Twins()
    with pytest.raises(NotFound, match="no environment 'mine'"):
        twins.product().admission.submit(a_request("azureml:mine"))
    assert not twins.runs.records


def test_a_schedule_s_run_fails_with_that() -> None:
    twins = Twins()
    product = twins.product()
    run = product.admission.submit(a_request("azureml:mine:7", "cron"))
    for _ in range(8):
        for message in list(twins.bus.messages):
            twins.bus.messages.remove(message)
            handled(product, message)
    ended = twins.runs.load(run.name).run
    assert ended.status is Status.FAILED
    assert ended.problem is not None
    assert "'mine'" in ended.problem.message
