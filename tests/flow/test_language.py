"""Components, optional inputs, and values that would be code if anything read them as such."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrain.client import Client
from retrain.jobfile import read_job
from retrain.submit import submit
from tests.flow.local_stack import LocalStack, ended, job, stdout

pytestmark = pytest.mark.xdist_group("stack")

EXAMPLES = Path(__file__).parents[2] / "examples"


def printed(client: Client, file: Path, **inputs: str) -> str:
    settings = {f"inputs.{name}": value for name, value in inputs.items()}
    run = ended(client, submit(client, read_job(file, settings))["name"])
    assert run["status"] == "Completed", run["error"]
    return stdout(client, run["name"])


def test_a_job_of_a_component(client: Client, tmp_path: Path) -> None:
    created = submit(client, read_job(EXAMPLES / "component" / "job.yml"))
    run = ended(client, created["name"])
    assert run["status"] == "Completed", run["error"]
    assert stdout(client, run["name"]) == "  3 again\n  2 rain\n  2 in\n"
    assert (run["display_name"], run["experiment_name"]) == ("Count words", "words")
    assert run["job"]["properties"]["component"] == "count_words:1"
    client.download(run["name"], tmp_path)
    assert json.loads(next(tmp_path.rglob("counts.json")).read_text())["again"] == 3


def test_a_component_run_alone_from_the_command_line(stack: LocalStack) -> None:
    file = str(EXAMPLES / "component" / "component.yml")
    words = ["job", "create", "-f", file, "--set", "inputs.text=data/rhyme.txt", "--stream"]
    environment = {**os.environ, "RETRAIN_CONFIG": str(stack.data / "profiles.toml")}
    command = [sys.executable, "-m", "retrain", *words, "--set", "inputs.most=1"]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "  5 the\n" in ran.stdout
    command[-1] = "inputs.most=0"
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "--set inputs.most=0: 0 is below min, 1; use a larger value\n"


def test_a_component_over_http(client: Client) -> None:
    component = {
        "inputs": {"word": {"type": "string"}, "other": {"type": "string", "optional": True}},
        **job("echo ${{inputs.word}} $[[${{inputs.other}}]]."),
    }
    document = {"component": component, "inputs": {"word": "hello"}}
    run = ended(client, client.create_job(document)["name"])
    assert run["status"] == "Completed", run["error"]
    assert stdout(client, run["name"]) == "hello .\n"


def test_optional_inputs_may_be_left_out(client: Client) -> None:
    file = EXAMPLES / "optional-inputs" / "job.yml"
    assert printed(client, file) == "rate 0.1\nepochs as many as it takes\nnote none\n"
    given = printed(client, file, epochs="3", note="it's $(not) run")
    assert given == "rate 0.1\nepochs 3\nnote it's $(not) run\n"


#: Each would leave a file `pwned`, or reach the script changed, if a shell read it again.
HOSTILE = [
    "$(touch outputs/pwned)",
    "`touch outputs/pwned`",
    "; touch outputs/pwned;",
    "&& touch outputs/pwned",
    "| touch outputs/pwned",
    "' ; touch outputs/pwned ; '",
    '" ; touch outputs/pwned ; "',
    "'\"; touch outputs/pwned #",
    "\n touch outputs/pwned \n",
    "EOF\ntouch outputs/pwned\n",
    "${{inputs.a0}} $[[x]] ${HOME} $HOME ${IFS}",
    "\\'; touch outputs/pwned; \\",
    "*  ?  [a]  ~  {a,b}  !!  #  %s%n  -rf",
    " two  spaces\tand a tab ",
    "é ✓ 𝄞 \u200b",
    "",
]
_SHOW = "import json, sys; print(json.dumps(sys.argv[1:]))"
_TOLD = 'import json, os; print(json.dumps(os.environ["TOLD"]))'


def test_values_are_data_wherever_they_stand(client: Client) -> None:
    names = [f"a{index}" for index in range(len(HOSTILE))]
    bare = " ".join("${{inputs." + name + "}}" for name in names)
    quoted = " ".join('"<${{inputs.' + name + '}}>"' for name in names)
    single = " ".join("'<${{inputs." + name + "}}>'" for name in names)
    heredoc = "".join("<${{inputs." + name + "}}>\n" for name in names)
    nested = " ".join('"$(printf %s. ${{inputs.' + name + '}})"' for name in names)
    command = "\n".join(
        [
            *(f"python -c '{_SHOW}' {words}" for words in (bare, quoted, single, nested)),
            f"cat <<EOF\n{heredoc}EOF",
            f"python -c '{_TOLD}'",
        ]
    )
    told = "${{inputs.a0}}${{inputs.a5}}"
    document = job(
        command,
        inputs=dict(zip(names, HOSTILE, strict=True)),
        environment_variables={"TOLD": told},
    )
    run = ended(client, client.create_job(document)["name"])
    assert run["status"] == "Completed", run["error"]
    lines = stdout(client, run["name"]).split("\n")
    around = [f"<{value}>" for value in HOSTILE]
    assert json.loads(lines[0]) == HOSTILE
    assert json.loads(lines[1]) == json.loads(lines[2]) == around
    assert json.loads(lines[3]) == [f"{value}." for value in HOSTILE]
    assert "\n".join(lines[4:-2]) == "\n".join(around)
    assert json.loads(lines[-2]) == HOSTILE[0] + HOSTILE[5]
    assert {file["path"] for file in client.outputs(run["name"])} == {"stdout.txt", "stderr.txt"}


def test_names_are_no_code_either(client: Client) -> None:
    hostile = "x; touch outputs/pwned; $(touch outputs/pwned)"
    document = job(
        "echo ok",
        display_name=hostile,
        experiment_name=hostile,
        description=hostile,
        tags={hostile: hostile},
        properties={hostile: hostile},
    )
    run = ended(client, client.create_job(document)["name"])
    assert run["status"] == "Completed", run["error"]
    assert run["display_name"] == hostile
    assert {file["path"] for file in client.outputs(run["name"])} == {"stdout.txt", "stderr.txt"}
