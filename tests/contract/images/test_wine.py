"""The wine example, in the environment that its own conda file asks for."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from retrain.jobfile import read_job
from tests.contract.images.conftest import a_builder, key_of

WINE = Path(__file__).parents[3] / "examples" / "wine"
BASE, NEW = WINE / "data" / "wine-base.csv", WINE / "data" / "wine-new.csv"

pytestmark = pytest.mark.timeout(300)  # scikit-learn and what it needs are 60 MB


@dataclass(frozen=True)
class Cellar:
    """The environment's Python, and a folder to run the scripts in."""

    python: Path
    folder: Path

    def run(self, script: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [str(self.python), str(WINE / "src" / script), *map(str, arguments)]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    data = tmp_path_factory.mktemp("images")
    environment = read_job(WINE / "job.yml").document["environment"]
    recipe = {"image": environment["image"], "conda": environment["conda_file"]}
    with a_builder(data) as client:
        state = client.built("wine", recipe)
        assert state["state"] == "ready", state["log_tail"]
        yield data / "environments" / key_of("wine")


@pytest.fixture
def cellar(environment: Path, tmp_path: Path) -> Cellar:
    return Cellar(environment / "bin" / "python", tmp_path)


def test_it_trains_and_the_model_predicts(cellar: Cellar) -> None:
    trained = cellar.run("train.py", "--data", BASE, NEW, "--n-estimators", 50)
    assert trained.returncode == 0, trained.stderr
    lines = trained.stdout.splitlines()
    assert lines[:2] == ["read 119 wines from wine-base.csv", "read 59 wines from wine-new.csv"]
    assert [line.split(" trees")[0] for line in lines[2:-1]] == ["10", "20", "30", "40", "50"]

    metrics: dict[str, Any] = json.loads((cellar.folder / "outputs" / "metrics.json").read_text())
    assert lines[-1] == f"trained on 133 wines, accuracy {metrics['accuracy']} on 45 others"
    assert metrics["accuracy"] > 0.9
    assert (metrics["rows"], metrics["held_out_rows"], metrics["n_estimators"]) == (178, 45, 50)

    predicted = cellar.run("predict.py", "--model", "outputs/model.joblib", "--data", NEW)
    said = json.loads(predicted.stdout)
    assert (said["model"], said["wines"]) == ("RandomForestClassifier", 59)
    assert said["right"] > 53
    assert set(said["predictions"]) == {"1", "2", "3"}


def test_the_same_seed_gives_the_same_model(cellar: Cellar) -> None:
    seen = set()
    for _ in range(2):
        ran = cellar.run("train.py", "--data", BASE, "--n-estimators", 7, "--seed", 3)
        seen.add((ran.stdout, (cellar.folder / "outputs" / "model.joblib").read_bytes()))
    assert len(seen) == 1


WRONG = {"empty": "", "no header": "1,2,3\n", "others": "alcohol,class\n12,1\n"}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_wrong_data_is_told(cellar: Cellar, content: str) -> None:
    (cellar.folder / "wrong.csv").write_text(content)
    ran = cellar.run("train.py", "--data", BASE, "wrong.csv")
    assert ran.returncode == 1
    assert ran.stderr.startswith("wrong.csv: ")
    assert not (cellar.folder / "outputs").exists()
