"""The curated table: what public job files name is in it, with packages or with a reason."""

import pytest
from packaging.requirements import Requirement

from shared.jobs.images import curated_requirements
from shared.jobs.images.curated import _table

#: Those that facts about public job files count.
NAMED = {
    "sklearn-1.5": True,
    "lightgbm-3.3": True,
    "tensorflow-2.16-cuda12": True,
    "acpt-pytorch-2.8-cuda12.6": True,
    "model-evaluation": False,
    "responsibleai-tabular": False,
    "automl": False,
}


@pytest.mark.parametrize(("name", "runs"), NAMED.items(), ids=NAMED)
def test_what_people_name_is_had_or_refused_with_a_reason(name: str, runs: bool) -> None:
    curated = curated_requirements(name)
    assert bool(curated.requirements) is runs
    assert bool(curated.refusal) is not runs


def test_an_unknown_one_is_told_with_those_that_are_known() -> None:
    curated = curated_requirements("sklearn-0.1")
    assert not curated.requirements
    assert "'sklearn-0.1'" in curated.refusal
    assert "sklearn-1.5" in curated.refusal


def test_requirements_are_pip_s_and_each_is_bounded_by_a_version() -> None:
    for name, entry in _table()["environments"].items():
        assert ("requirements" in entry) != ("refusal" in entry), name
        for line in entry.get("requirements", ()):
            assert Requirement(line).specifier, f"{name}: {line}"
