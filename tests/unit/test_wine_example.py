"""The wine example's files: documents that are valid, data that is what its README says."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from retrain.jobfile import read_job, read_schedule
from shared.jobs import DataTrigger, parse_schedule
from shared.jobs.images.recipe import Recipe
from shared.jobs.images.translation import translate

WINE = Path(__file__).parents[2] / "examples" / "wine"


def rows(name: str) -> list[dict[str, str]]:
    with (WINE / "data" / name).open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_job_is_valid() -> None:
    job = read_job(WINE / "job.yml")
    assert job.code == WINE / "src"
    assert job.local_inputs == {"data": WINE / "data" / "wine-base.csv"}
    assert job.document["limits"] == {"timeout": 600}


def test_the_schedule_is_the_same_job_with_the_new_file() -> None:
    file = read_schedule(WINE / "retrain-on-new-data.yml")
    job, scheduled = read_job(WINE / "job.yml"), file.document["create_job"]
    assert (file.code, file.local_inputs) == (job.code, job.local_inputs)
    assert scheduled["inputs"]["new"]["path"].endswith("/paths/${{trigger.path}}")
    same = job.document.keys() - {"inputs", "command"}
    assert {name: scheduled[name] for name in same} == {name: job.document[name] for name in same}


@pytest.mark.parametrize(
    ("path", "starts"), [("wine/new.csv", True), ("wine/a/b.csv", False), ("new.csv", False)]
)
def test_what_starts_it(path: str, starts: bool) -> None:
    document = read_schedule(WINE / "retrain-on-new-data.yml").document
    document["create_job"]["code"] = "azureml://datastores/workspaceworkingdirectory/paths/x.zip"
    document["create_job"]["inputs"]["data"]["path"] = (
        "azureml://datastores/workspaceblobstore/paths/base.csv"
    )
    trigger = parse_schedule(document).trigger
    assert isinstance(trigger, DataTrigger)
    assert trigger.matches(path) is starts


def test_its_environment_needs_no_conda() -> None:
    environment = read_job(WINE / "job.yml").document["environment"]
    recipe = {"image": environment["image"], "conda": environment["conda_file"]}
    wanted = translate(Recipe.parse(recipe))
    assert wanted.python == ">=3.11"
    assert "scikit-learn==1.9.1" in wanted.requirements


def test_the_data_is_whole() -> None:
    base, new = rows("wine-base.csv"), rows("wine-new.csv")
    assert (len(base), len(new)) == (119, 59)
    assert base[0].keys() == new[0].keys()
    assert len(base[0]) == 14
    # The original's class distribution, and that each part has every class.
    assert Counter(row["class"] for row in base + new) == {"1": 59, "2": 71, "3": 48}
    assert {row["class"] for row in new} == {"1", "2", "3"}
    assert all(float(value) > 0 for row in base + new for value in row.values())


def test_the_readme_names_source_and_licence() -> None:
    readme = (WINE / "README.md").read_text()
    for words in ("10.24432/C5PC7J", "CC BY 4.0", "59 rows", "119 rows", "Changes:"):
        assert words in readme
