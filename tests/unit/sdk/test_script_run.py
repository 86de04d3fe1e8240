"""Run configurations: arguments are data, the target is only a name, and old names still work."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain import (
    Client,
    Environment,
    Experiment,
    Input,
    InvalidJob,
    Output,
    ProfileProblem,
    RunFailed,
    ScriptRunConfig,
    profile,
)
from retrain.sdk.script_run import quoted
from shared.jobs import parse_job, render_command
from tests.unit.cli.api_server import KEY, ApiServer, running

IMAGE = Environment(image="python:3.11-slim")


@pytest.fixture
def config(folder: Path) -> ScriptRunConfig:
    (folder / "src").mkdir()
    (folder / "src/train.py").write_text("pass")
    return ScriptRunConfig(source_directory="src", script="train.py", environment=IMAGE)


WORDS = st.lists(
    st.text(
        st.one_of(
            st.sampled_from("$`'\"\\ \n\t(){}[]&|;<>*?~#!=%é"),
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        ),
        max_size=8,
    )
    | st.sampled_from(["$(touch pwned)", "${{inputs.x}}", "$[[ x ]]", "'${{name}}'", "-c"]),
    min_size=1,
    max_size=20,
)  # fmt: skip


@settings(max_examples=40)
@given(words=WORDS)
def test_arguments_reach_the_script_exactly_as_they_are(words: list[str]) -> None:
    command = " ".join(["python", "-c", "x", *(quoted(word) for word in words)])
    job = parse_job({"command": command, "environment": {"image": "a"}})
    script = render_command(job).script
    show = "import json, sys; print(json.dumps(sys.argv[1:]))"
    ran = "python() { shift 2; " + f"{sys.executable} -c '{show}' \"$@\"; }}\n{script}"
    done = subprocess.run(["/bin/sh", "-c", ran], check=True, capture_output=True, text=True)
    assert json.loads(done.stdout) == words


def test_numbers_paths_and_data_are_arguments_too(config: ScriptRunConfig) -> None:
    config.arguments = ["--rate", 0.1, 3, True, Path("a b"), "--data", Input(path="src")]
    job = config.to_command("wine")
    assert job.command == ("python train.py --rate 0.1 3 True 'a b' --data ${{inputs.argument_0}}")
    assert job.inputs["argument_0"] == Input(path="src")
    assert (job.code, job.experiment_name) == ("src", "wine")
    config.arguments = "--name 'a b' $(x)"
    assert config.to_command().command == "python train.py --name 'a b' '$(x)'"


def test_only_the_target_changes(config: ScriptRunConfig) -> None:
    here = config.to_command().to_dict()
    for target, name in ((None, None), ("local", "local"), (SimpleNamespace(name="cpu"), "cpu")):
        there = replace(config, compute_target=target).to_command().to_dict()
        assert there.pop("compute", None) == name
        assert there == here


FAULTS = {
    "neither": ({"script": None}, "give either script or command"),
    "both": ({"command": ["ls"]}, "give either script or command"),
    "missing": ({"script": "gone.py"}, "gone.py is no file in src"),
    "up": ({"script": "../other.py"}, "leads out of source_directory"),
    "absolute": ({"script": "/etc/passwd"}, "leads out of source_directory"),
    "no environment": ({"environment": None}, "environment: is missing"),
    "None": ({"arguments": ["--rate", None]}, r"arguments\[1\]: is None, .*leave it out"),
    "None in a command": ({"script": None, "command": ["a", None]}, r"command\[1\]: is None"),
    "a list": ({"arguments": [["a"]]}, r"arguments\[0\]: is a list; write"),
    "an output": ({"arguments": [Output()]}, r"arguments\[0\]: is a Output"),
    "quotes": ({"arguments": "a 'b"}, r"arguments: can't be split into words \(No closing"),
    "NUL": ({"arguments": ["a\0b"]}, "has a NUL"),
}


@pytest.mark.parametrize(("fields", "says"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong(config: ScriptRunConfig, fields: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidJob, match=says):
        replace(config, **fields).to_command()  # type: ignore[arg-type]


def test_a_wrong_argument_is_a_type_error_too(config: ScriptRunConfig) -> None:
    config.arguments = [None]  # type: ignore[list-item]
    with pytest.raises(TypeError):
        config.to_command()


def test_a_run_answers_to_the_names_of_then(
    config: ScriptRunConfig, server: ApiServer, client: Client, folder: Path
) -> None:
    experiment = Experiment(client, "wine")
    run = experiment.submit(config, tags={"a": "b"})
    assert server.runs[run.id]["job"]["tags"] == {"a": "b"}
    assert server.runs[run.id]["job"]["experiment_name"] == "wine"
    for path in ("outputs/model.bin", "stdout.txt"):
        server.outputs[run.id, path] = path.encode()
    details = run.wait_for_completion(show_output=True)
    assert (details["status"], details["runId"], run.get_status()) == (
        "Completed", run.id, "Completed",
    )  # fmt: skip
    assert run.get_file_names() == ["outputs/model.bin", "stdout.txt"]
    assert run.download_files("outputs/", "got") == [Path("got/outputs/model.bin")]
    assert run.download_file("outputs/model.bin", "here/m.bin").read_text() == "outputs/model.bin"
    assert [path.name for path in (folder / "here").iterdir()] == ["m.bin"]
    with pytest.raises(InvalidJob, match=r"none: .* it has: outputs/model\.bin, stdout\.txt"):
        run.download_file("none")
    assert [one.id for one in experiment.get_runs()] == [run.id]
    server.runs[run.id]["status"] = "Failed"
    with pytest.raises(RunFailed):
        run.wait_for_completion()
    assert run.wait_for_completion(raise_on_error=False)["status"] == "Failed"


def test_local_is_this_machine_whoever_the_client_talks_to(
    config: ScriptRunConfig, server: ApiServer
) -> None:
    config.compute_target = "local"
    with Client("https://cloud.example", "key") as cloud:
        with pytest.raises(ProfileProblem, match="no profile 'local'"):
            Experiment(cloud, "wine").submit(config)
        profile.save(profile.Profile("local", server.endpoint, KEY))
        run = Experiment(cloud, "wine").submit(config)
    assert run.id in server.runs
    with running() as other, Client(other.endpoint, KEY) as here:
        assert Experiment(here, "wine").submit(config).id in other.runs
