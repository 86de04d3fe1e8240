"""The order of an attempt, and its script really run under /bin/sh in a node's layout."""

import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.app.orders import DEFAULT_TIMEOUT, order_for
from shared.domain.lineage import Place, Read, Written
from shared.domain.status import Status
from shared.ports.compute import InputFile, Order, OutputPlace
from tests.factories import IMAGE, RUN, a_job, a_run

DATA = "azureml://datastores/workspaceblobstore/paths"
CODE = f"azureml://datastores/workspaceworkingdirectory/paths/{'a' * 64}.zip"


def an_order(**fields: Any) -> Order:
    return order_for(a_run(Status.PROVISIONING, job=a_job(**fields)))


class Node:
    """A task's folders as Batch lays them out; `start` runs the order's script in them."""

    def __init__(self, folder: Path) -> None:
        self.task, self.prepared = folder / "task it's", folder / "prep"
        self.work = self.task / "wd"
        for place in (self.work, self.prepared):
            place.mkdir(parents=True)

    def start(self, order: Order) -> subprocess.CompletedProcess[str]:
        for file in order.inputs:
            place = self.work / file.target
            if file.folder:  # Batch keeps the whole path from the container's root
                place = place / file.path / "in.csv"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(f"{file.container}:{file.path}")
        environment = order.variables | {
            "PATH": os.environ["PATH"],
            "AZ_BATCH_TASK_DIR": str(self.task),
            "AZ_BATCH_TASK_WORKING_DIR": str(self.work),
            "AZ_BATCH_JOB_PREP_WORKING_DIR": str(self.prepared),
            "RETRAIN_SCRIPT": order.script,
        }
        return subprocess.run(
            ["/bin/sh", "-c", 'eval "$RETRAIN_SCRIPT"'],
            cwd=self.work,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_what_an_attempt_needs() -> None:
    order = an_order(
        code=CODE, limits={"timeout": 90}, resources={"instance_type": "Standard_D8s_v3"}
    )
    assert (order.key, order.run, order.image) == (f"{RUN}-1", RUN, IMAGE)
    assert (order.snapshot, order.vm_size) == (f"{'a' * 64}.zip", "Standard_D8s_v3")
    assert order.timeout == timedelta(seconds=90)
    assert an_order().timeout == DEFAULT_TIMEOUT
    assert an_order().snapshot is None


def test_the_layout_is_azure_mls(node: Node) -> None:
    (node.prepared / "code" / "src").mkdir(parents=True)
    (node.prepared / "code" / "src" / ".hidden").write_text("here")
    done = node.start(an_order(code=CODE, command="cat src/.hidden; pwd; ls -d outputs logs"))
    assert done.stdout.split("\n")[:2] == [f"here{node.work}", "logs"]
    assert (node.task / "ended.txt").read_bytes() == b""


def test_without_code_it_starts_in_an_empty_folder(node: Node) -> None:
    done = node.start(an_order(command="ls"))
    assert done.stdout.split() == ["logs", "outputs"]


def test_the_command_says_how_it_ends(node: Node) -> None:
    assert node.start(an_order(command="false; exit 3")).returncode == 3
    assert node.start(an_order(command="false; echo on")).stdout == "on\n"


HOSTILE = (
    "plain",
    "two words",
    "it's",
    '"quoted"',
    "$(touch gone) `touch gone` ; touch gone",
    "${RETRAIN_COMMAND} $HOME",
    "a\nb\n",
    "back\\slash \\n",
    "*",
    "größer ✓",
    "-n",
    "${{inputs.other}}",
)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_data(node: Node, value: str) -> None:
    order = an_order(
        command='printf "%s|%s" ${{inputs.value}} "$BOTH"',
        inputs={"value": value},
        environment_variables={"BOTH": "<${{inputs.value}}>'$x'"},
    )
    assert node.start(order).stdout == f"{value}|<{value}>'$x'"
    assert not (node.work / "gone").exists()


@pytest.mark.parametrize("value", HOSTILE[:-1])
def test_a_plain_variable_is_as_it_was_written(node: Node, value: str) -> None:
    order = an_order(command='printf %s "$X"', environment_variables={"X": value})
    assert node.start(order).stdout == value


@pytest.mark.parametrize("path", ["wine.csv", "a b/it's $x.csv", "deep/er/ü.csv"])
def test_a_file_lies_where_the_command_is_told(node: Node, path: str) -> None:
    inputs = {"wine": {"type": "uri_file", "path": f"{DATA}/{path}"}}
    order = an_order(command='cat ${{inputs.wine}}; basename "$AZURE_ML_INPUT_wine"', inputs=inputs)
    assert node.start(order).stdout == f"data:{path}{path.rpartition('/')[2]}\n"


@pytest.mark.parametrize("path", ["", "wine", "wine/", "a b/it's"])
def test_a_folder_lies_where_the_command_is_told(node: Node, path: str) -> None:
    order = an_order(
        command="cat ${{inputs.wine}}/in.csv", inputs={"wine": {"path": f"{DATA}/{path}"}}
    )
    prefix = f"{path}/" if path and not path.endswith("/") else path
    assert order.inputs == [InputFile("data", prefix, ".inputs/wine", folder=True)]
    assert node.start(order).stdout == f"data:{prefix}"


def test_outputs_are_kept_with_the_run(node: Node) -> None:
    outputs = {"model": None, "report": {"type": "uri_file"}}
    command = "echo m > ${{outputs.model}}/m.pkl; echo r > ${{outputs.report}}"
    done = node.start(an_order(command=command, outputs=outputs))
    assert (done.returncode, done.stderr) == (0, "")
    assert (node.work / "outputs/model/m.pkl").read_text() == "m\n"
    assert (node.work / "outputs/report").read_text() == "r\n"


def test_a_run_knows_its_name_and_attempt(node: Node) -> None:
    order = an_order(command="echo ${{name}} $AZUREML_RUN_ID $RETRAIN_ATTEMPT $PYTHONUNBUFFERED")
    assert node.start(order).stdout == f"{RUN} {RUN} 1 1\n"


def test_an_optional_section_without_its_input_is_left_out(node: Node) -> None:
    inputs = {"label": {"type": "string", "optional": True}}
    command = "echo train $[[--label ${{inputs.label}}]]"
    assert node.start(an_order(command=command, inputs=inputs)).stdout == "train\n"


def test_a_variable_may_hold_any_binding(node: Node) -> None:
    variables = {
        "A": "${{name}}-${{default_datastore}}",
        "B": "${{outputs.model}}/m.pkl",
        "C": "${{ inputs.rate }}",
    }
    order = an_order(
        command='printf "%s|%s|%s" "$A" "$B" "$C"',
        inputs={"rate": 0.1},
        outputs={"model": None},
        environment_variables=variables,
    )
    model = node.work / "outputs/model/m.pkl"
    assert node.start(order).stdout == f"{RUN}-workspaceblobstore|{model}|0.1"


def a_place(**fields: Any) -> Place:
    return Place(**{"uri": "wasbs://x", "folder": False, **fields})


def resolved(reads: dict[str, Place], writes: dict[str, Place], **job: Any) -> Order:
    """The order of a run whose inputs and outputs stand for these places."""
    run = a_run(
        Status.PROVISIONING,
        job=a_job(**job),
        reads=tuple(Read(input=name, place=place) for name, place in reads.items()),
        writes=tuple(Written(output=name, place=place) for name, place in writes.items()),
    )
    return order_for(run)


def test_what_was_resolved_is_what_the_node_gets() -> None:
    order = resolved(
        {
            "wine": a_place(container="data", path="a/wine.csv"),
            "other": a_place(folder=True, account="other", container="c", path="p/"),
            "public": a_place(uri="https://x.org/a%20b.csv", public="https://x.org/a%20b.csv"),
        },
        {},
        inputs={
            "wine": {"type": "uri_file", "path": "azureml:wine@latest"},
            "other": {"path": "azureml://datastores/mine/paths/p"},
            "public": {"type": "uri_file", "path": "https://x.org/a%20b.csv"},
        },
    )
    assert [*order.inputs] == [
        InputFile("data", "a/wine.csv", ".inputs/wine/wine.csv", folder=False),
        InputFile("c", "p/", ".inputs/other", folder=True, account="other"),
        InputFile("", "", ".inputs/public/a b.csv", folder=False, public="https://x.org/a%20b.csv"),
    ]


def test_an_output_with_a_path_is_kept_there_and_only_there(node: Node) -> None:
    order = resolved(
        {},
        {
            "model": a_place(folder=True, container="mine", path="models/1/"),
            "report": a_place(account="other", container="c", path="r/report.txt"),
        },
        command="echo m > ${{outputs.model}}/m; echo r > ${{outputs.report}}",
        outputs={
            "model": {"path": f"{DATA}/models/1/"},
            "report": {"type": "uri_file", "path": f"{DATA}/r/report.txt"},
        },
    )
    assert [*order.outputs] == [
        OutputPlace(".outputs/model", "mine", "models/1/", folder=True),
        OutputPlace(".outputs/report", "c", "r/report.txt", folder=False, account="other"),
    ]
    assert node.start(order).returncode == 0
    assert (node.work / ".outputs/model/m").read_text() == "m\n"
    assert (node.work / ".outputs/report").read_text() == "r\n"
    assert not [*(node.work / "outputs").iterdir()]


def test_what_is_direct_is_handed_over_as_text(node: Node) -> None:
    uri = "wasbs://c@a.blob.core.windows.net/it's $(here)"
    order = resolved(
        {"data": a_place(uri=uri, folder=True, container="c", path="x/")},
        {"out": a_place(uri=uri + "/out", folder=True, container="c", path="y/")},
        command="echo ${{inputs.data}}; echo ${{outputs.out}}",
        inputs={"data": {"path": f"{DATA}/x", "mode": "direct"}},
        outputs={"out": {"path": f"{DATA}/y", "mode": "direct"}},
    )
    assert (order.inputs, order.outputs) == ([], [])
    assert node.start(order).stdout == f"{uri}\n{uri}/out\n"


def test_an_optional_input_that_is_not_given_leaves_its_section_out(node: Node) -> None:
    order = an_order(
        command="echo train $[[--data ${{inputs.x}}]]",
        inputs={"x": {"type": "uri_file", "optional": True}},
    )
    assert order.inputs == []
    assert node.start(order).stdout == "train\n"


def test_who_writes_into_a_copy_is_told(node: Node) -> None:
    order = an_order(command="true", inputs={"x": {"path": f"{DATA}/x", "mode": "rw_mount"}})
    assert "what is written into it is not kept" in node.start(order).stderr
