"""Data, models and datastores on a live stack, with the examples as a user runs them."""

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from retrain.cli.app import app
from retrain.client import ApiError, Client, Run
from retrain.jobfile import read_asset, read_job
from retrain.submit import register, submit
from tests.flow.local_stack import LocalStack, ended, job, no_compute_left, stdout

pytestmark = pytest.mark.xdist_group("stack")
EXAMPLES = Path(__file__).parents[2] / "examples"
STORE = "azureml://datastores/workspaceblobstore/paths/"
Retrain = Callable[..., Result]


@pytest.fixture
def retrain(stack: LocalStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Retrain:
    """The command line, talking to the stack; its folder is a fresh one."""
    monkeypatch.setenv("RETRAIN_ENDPOINT", stack.addresses["api"])
    monkeypatch.setenv("RETRAIN_KEY", stack.addresses["key"])
    monkeypatch.chdir(tmp_path)

    def call(*words: str, ends: int = 0) -> Result:
        result = CliRunner().invoke(app, [*words])
        assert result.exit_code == ends, (result.output, result.exception)
        return result

    return call


def completed(client: Client, name: str) -> Run:
    run = ended(client, name)
    assert run["status"] == "Completed", run["error"]
    return run


@pytest.fixture
def winery(retrain: Retrain) -> str:
    return retrain("datastore", "create", "-f", str(EXAMPLES / "data-assets/datastore.yml")).stdout


def test_the_example_of_registered_data(client: Client, retrain: Retrain, winery: str) -> None:
    folder = EXAMPLES / "data-assets"
    assert winery == "winery\n"
    first = retrain("data", "create", "-f", str(folder / "data.yml")).stdout
    assert first == retrain("data", "create", "-f", str(folder / "data.yml")).stdout
    assert first.startswith("azureml:tastings:")
    name = retrain("job", "create", "-f", str(folder / "job.yml")).stdout.strip()
    run = completed(client, name)
    assert stdout(client, name) == "counted 5 tastings\n"
    (read,), (written,) = run["reads"], run["writes"]
    assert read["asset"]
    assert read["content"]
    assert written["content"]
    assert read["asset"]["reference"] == first.strip()
    assert (read["content"]["files"], read["changed"]) == (2, False)
    assert written["uri"] == f"azureml://datastores/winery/paths/counts/{name}.txt"
    assert written["content"]["size"] == 2
    kept = [file["path"] for file in client.outputs(name)]
    assert kept == ["stderr.txt", "stdout.txt"], "the output is where it was asked for, only there"
    told = retrain("data", "show", "tastings", "--lineage").stdout
    assert name in told
    assert "Completed" in told
    assert no_compute_left(client)


def test_the_example_of_a_registered_model(
    client: Client, retrain: Retrain, tmp_path: Path
) -> None:
    train, score = EXAMPLES / "registered-model/train.yml", EXAMPLES / "registered-model/score.yml"
    maker = retrain("job", "create", "-f", str(train)).stdout.strip()
    run = completed(client, maker)
    asset = run["writes"][0]["asset"]
    assert asset is not None
    assert asset["name"] == "alcohol-mean"
    assert run["timeline"][-1]["note"] == f"registered {asset['reference']}"
    user = retrain("job", "create", "-f", str(score)).stdout.strip()
    completed(client, user)
    assert json.loads(stdout(client, user))["mean"] == pytest.approx(13.3667, abs=1e-4)
    told = retrain("model", "show", "alcohol-mean", "--lineage").stdout
    assert maker in told
    assert user in told
    there = retrain("job", "show", maker, "--lineage").stdout
    back = retrain("job", "show", user, "--lineage").stdout
    assert user in there
    assert f"made by run {maker}" in back
    files = json.loads(retrain("model", "download", "alcohol-mean", "--json").stdout)["files"]
    assert [Path(file).name for file in files] == ["model.json"]
    assert "mean" in (tmp_path / files[0]).read_text()
    reference = f"alcohol-mean:{asset['version']}"
    assert "champion" in retrain("model", "label", reference, "champion").stdout
    assert f"champion={asset['version']}" in retrain("model", "list").stdout
    retrain("model", "archive", "alcohol-mean")
    assert "alcohol-mean" not in retrain("model", "list").stdout
    assert "alcohol-mean" in retrain("model", "list", "--archived").stdout
    retrain("model", "restore", "alcohol-mean")


@pytest.fixture
def public(request: pytest.FixtureRequest) -> Iterator[str]:
    """The example's files on loopback, in the place of the public web."""
    files = partial(
        http.server.SimpleHTTPRequestHandler, directory=EXAMPLES / "https-input" / "files"
    )
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), files)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_example_of_a_public_file(client: Client, public: str) -> None:
    file = read_job(EXAMPLES / "https-input/job.yml", {"inputs.tastings": f"{public}/tastings.csv"})
    name = submit(client, file)["name"]
    run = completed(client, name)
    assert stdout(client, name).strip() == "4"
    assert run["reads"][0]["content"] is None
    absent = {"x": {"type": "uri_file", "path": f"{public}/nothing.csv"}}
    failed = ended(client, client.create_job(job("true", inputs=absent))["name"])
    assert failed["error"] is not None
    assert "nothing.csv" in failed["error"]["message"]


def test_every_form_of_an_address_reaches_the_script(
    client: Client, winery: str, tmp_path: Path
) -> None:
    (tmp_path / "a b.csv").write_text("rows\n")
    client.upload_data(tmp_path / "a b.csv", "forms/a b.csv")
    paths = {
        "store": STORE + "forms/a b.csv",
        "wasbs": "wasbs://data@devstoreaccount1.blob.core.windows.net/forms/a b.csv",
        "abfss": "abfss://data@devstoreaccount1.dfs.core.windows.net/forms/a b.csv",
        "https": "https://devstoreaccount1.blob.core.windows.net/data/forms/a%20b.csv",
        "default": "azureml://datastores/${{default_datastore}}/paths/forms/${{inputs.which}}.csv",
    }
    inputs: dict[str, Any] = {
        name: {"type": "uri_file", "path": path} for name, path in paths.items()
    }
    inputs["folder"] = {"type": "mltable", "path": STORE + "forms", "mode": "eval_mount"}
    inputs["direct"] = {"path": STORE + "forms/", "mode": "direct"}
    inputs["which"] = "a b"
    command = " ".join("${{inputs." + name + "}}" for name in paths)
    command = f"cat {command}; ls ${{{{inputs.folder}}}}; echo ${{{{inputs.direct}}}}"
    outputs = {
        "direct": {"path": "azureml://datastores/winery/paths/x/", "mode": "direct"},
        "table": {"type": "mltable", "path": "azureml://datastores/winery/paths/t/${{name}}"},
    }
    command += "; echo ${{outputs.direct}}; echo t > ${{outputs.table}}/MLTable"
    command += "; echo h > ${{outputs.table}}/.hidden"
    name = client.create_job(job(command, inputs=inputs, outputs=outputs))["name"]
    run = completed(client, name)
    lines = stdout(client, name).splitlines()
    assert lines[:6] == ["rows"] * 5 + ["a b.csv"]
    assert lines[6:] == [STORE + "forms/", "azureml://datastores/winery/paths/x/"]
    contents = [read["content"] for read in run["reads"] if read["input"] in paths]
    assert len({content["md5"] for content in contents if content}) == 1
    (table,) = (one["content"] for one in run["writes"] if one["output"] == "table")
    assert table is not None
    assert table["files"] == 2, "hidden ones too"


def test_a_model_from_this_disk_is_registered_once_by_content(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "MLmodel").write_text("flavors: {}\n")
    file = tmp_path / "model.yml"
    file.write_text("name: local\ntype: mlflow_model\npath: model\n")
    first = register(client, "models", read_asset(file, "model"))
    again = register(client, "models", read_asset(file, "model"))
    assert (first["version"], again["version"]) == ("1", "1")
    (tmp_path / "model" / "MLmodel").write_text("flavors: {python: {}}\n")
    changed = read_asset(file, "model", {"version": "1"})
    with pytest.raises(ApiError, match="registered with other content") as refused:
        register(client, "models", changed)
    assert refused.value.status == 409
    assert register(client, "models", read_asset(file, "model"))["version"] == "2"


BAD_FILES = {
    "no data": ("data", "name: x\ntype: uri_file\npath: nothing.csv\n", "bad.yml:3:1: path: "),
    "a name": ("data", "name: a/b\ntype: uri_file\npath: bad.yml\n", "bad.yml:1:1: name: "),
    "a key": (
        "datastore",
        "name: x\ntype: azure_blob\naccount_name: abc\ncontainer_name: abc\n"
        "credentials:\n  account_key: hunter2\n",
        "bad.yml:5:1: credentials: ",
    ),
    "gen1": (
        "datastore",
        "name: x\ntype: azure_data_lake_gen1\nstore_name: y\n",
        "bad.yml:2:1: type: datastores of type",
    ),
    "no MLmodel": ("model", "name: x\ntype: mlflow_model\npath: .\n", "has no file MLmodel"),
}


@pytest.mark.parametrize(("kind", "text", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_told_by_line(
    retrain: Retrain, tmp_path: Path, kind: str, text: str, said: str
) -> None:
    (tmp_path / "bad.yml").write_text(text)
    told = retrain(kind, "create", "-f", "bad.yml", ends=2).stderr
    assert said in told
    assert "hunter2" not in told


def test_what_is_not_there_is_said_in_a_line(retrain: Retrain) -> None:
    for words in (
        ("data", "show", "nothing"),
        ("model", "show", "nothing:3"),
        ("datastore", "delete", "nothing"),
    ):
        assert "There is no" in retrain(*words, ends=1).stderr
