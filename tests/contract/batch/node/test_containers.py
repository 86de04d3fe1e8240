"""A task in a container: the same promises as a process's, kept through podman or docker."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from retrain.local.batch.execution import Outcome
from retrain.local.batch.node import LocalNode
from retrain.local.engine import Engine, find_engine
from tests.contract.batch.node.conftest import Stage, Storage, eventually, ignore, living

IMAGE = "localhost/retrain-test-python:latest"

pytestmark = [pytest.mark.podman, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = find_engine()
    if engine is None:
        pytest.skip("no container engine runs here: install podman or docker")
    there = subprocess.run([*engine.command, "image", "inspect", IMAGE], capture_output=True)
    if there.returncode:
        pytest.skip(f"there is no {IMAGE}: run {Path(__file__).with_name('make_test_image.sh')}")
    return engine


@pytest.fixture
def stage(runner: asyncio.Runner, engine: Engine, tmp_path: Path) -> Iterator[Stage]:
    node = LocalNode(engine, tmp_path / "environments", tmp_path / "log")
    yield Stage(runner, node, tmp_path / "root")
    runner.run(node.stop())


def ours(engine: Engine, node: LocalNode) -> list[str]:
    """The ids of the node's containers, dead or alive."""
    label = f"label=retrain.node={node.identity}"
    listed = subprocess.run(
        [*engine.command, "ps", "--all", "--quiet", "--filter", label],
        capture_output=True,
        check=True,
        text=True,
    )
    return listed.stdout.split()


ENDINGS = {
    "well": ("true", 0, None),
    "with its own code": ("sh -c 'exit 3'", 3, "FailureExitCode"),
    "with a code the engine uses too": ("sh -c 'exit 125'", 125, "FailureExitCode"),
    "with a shell's not found": ("sh -c nosuchprogram", 127, "FailureExitCode"),
    "by SIGKILL": ("sh -c 'sh -c \"kill -9 \\$\\$\"'", 137, "FailureExitCode"),
    "before it began: no such program": ("nosuchprogram", None, "CommandProgramNotFound"),
    "before it began: not executable": ("/etc/passwd", None, "CommandLaunchFailed"),
}


@pytest.mark.parametrize(("command_line", "code", "failure"), ENDINGS.values(), ids=ENDINGS)
def test_it_ends(
    stage: Stage, engine: Engine, command_line: str, code: int | None, failure: str | None
) -> None:
    outcome = stage.run(command_line, image=IMAGE)
    assert outcome.exit_code == code
    assert (outcome.failure.code if outcome.failure else None) == failure
    assert ours(engine, stage.node) == []


def test_it_is_in_the_image_with_the_nodes_folders(stage: Stage) -> None:
    (stage.root / "shared").mkdir(parents=True)
    (stage.root / "shared" / "file").write_text("shared\n")
    outcome = stage.run(
        "sh -c 'pwd; cat $AZ_BATCH_NODE_SHARED_DIR/file; head -1 /etc/os-release; echo e >&2'",
        image=IMAGE,
        environment={"AZ_BATCH_NODE_SHARED_DIR": str(stage.root / "shared")},
    )
    assert outcome.succeeded
    working, shared, release = stage.stdout().splitlines()
    assert (working, shared) == (str(stage.working()), "shared")
    assert "Debian" in release
    assert stage.stderr() == "e\n"


def test_variables_of_any_kind_arrive(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("LOCAL", "the emulator's")
    environment = {"A": "two\nlines = \"x\" 'y' $Z ü", "LOCAL": "the task's", "HOME": "/tmp/home"}
    script = "import os; print([os.environ.get(n) for n in ('A', 'LOCAL', 'HOME')])"
    command_line = f"python3 -c \"{script}\nprint('AZURE_CLIENT_SECRET' in os.environ)\""
    assert stage.run(command_line, image=IMAGE, environment=environment).succeeded
    assert stage.stdout() == f"{list(environment.values())}\nFalse\n"


def test_files_come_in_and_go_out(stage: Stage, storage: Storage) -> None:
    storage.put("in/a.txt", b"content")
    outcome = stage.run(
        "sh -c 'mkdir outputs && cp in/a.txt outputs/b.txt && cat in/a.txt'",
        image=IMAGE,
        resource_files=(storage.file("in/a.txt", "in/a.txt"),),
        output_files=(storage.output("outputs/**/*", "o"), storage.output("../stdout.txt", "s")),
    )
    assert outcome.succeeded
    assert storage.names == ["in/a.txt", "o/b.txt", "s"]
    assert storage.content("s") == b"content"


def test_what_it_makes_can_be_removed(stage: Stage) -> None:
    assert stage.run("sh -c 'mkdir -p a/b; touch a/b/c; chmod 700 a'", image=IMAGE).succeeded
    (stage.working() / "a/b/c").unlink()
    (stage.working() / "a/b").rmdir()
    (stage.working() / "a").rmdir()


def test_output_is_not_kept_twice(stage: Stage) -> None:
    assert stage.run("head -c 20971520 /dev/zero", image=IMAGE).succeeded
    assert (stage.root / "task" / "stdout.txt").stat().st_size == 20 << 20


def test_run_options_are_passed_on(stage: Stage) -> None:
    outcome = stage.run(
        "sh -c 'hostname; echo $EXTRA'",
        image=IMAGE,
        container_run_options='--hostname trainer --env "EXTRA=a b"',
    )
    assert outcome.succeeded
    assert stage.stdout() == "trainer\na b\n"


@pytest.mark.parametrize("options", ["--no-such-flag", "--env 'open"])
def test_bad_run_options_are_named(stage: Stage, options: str) -> None:
    outcome = stage.run("true", image=IMAGE, container_run_options=options)
    assert outcome.failure is not None
    assert outcome.failure.code == "ContainerInvalidSettings"
    assert dict(outcome.failure.details)["Message"]


def test_an_image_that_can_not_be_pulled_is_named(stage: Stage) -> None:
    outcome = stage.run("true", image="localhost:9/nosuch/image:1")
    assert outcome.exit_code is None
    assert outcome.failure is not None
    assert outcome.failure.code == "ContainerInvalidImage"
    assert "localhost:9/nosuch/image:1" in outcome.failure.message
    assert "localhost:9" in dict(outcome.failure.details)["Message"]


def test_an_image_with_no_name_is_an_image_too(stage: Stage) -> None:
    outcome = stage.run("true", image="NOT an image")
    assert outcome.failure is not None
    assert outcome.failure.code == "ContainerInvalidImage"


def test_its_limit_ends_all_of_it(stage: Stage, engine: Engine, storage: Storage) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)
    outcome = stage.run(
        f"sh -c 'echo begun; setsid sleep {mark} & sleep {mark}'",
        image=IMAGE,
        wall_clock_seconds=3,
        output_files=(storage.output("../stdout.txt", "o"),),
    )
    assert outcome.exit_code == 137
    assert outcome.failure is not None
    assert outcome.failure.code == "TaskEnded"
    assert living(mark) == []
    assert ours(engine, stage.node) == []
    assert storage.content("o") == b"begun\n"


def test_what_it_leaves_behind_ends_with_it(stage: Stage) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)
    assert stage.run(f"sh -c 'env -i setsid sleep {mark} & exit 0'", image=IMAGE).succeeded
    assert living(mark) == []


@pytest.mark.parametrize("moment", ["while it runs", "before it runs"])
def test_terminate_ends_it(stage: Stage, engine: Engine, moment: str) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)

    async def scene() -> Outcome:
        started = asyncio.Event()
        execution = stage.execution(f"sleep {mark}", image=IMAGE)
        work = asyncio.create_task(stage.node.run(execution, started.set))
        await started.wait()
        if moment == "while it runs":
            await asyncio.to_thread(eventually, lambda: inside(mark) != [], "it didn't begin")
        await stage.node.terminate("task")
        return await work

    outcome = stage.wait(scene())
    assert outcome.failure is not None
    assert outcome.failure.code == "TaskEnded"
    assert living(mark) == []
    assert ours(engine, stage.node) == []


def test_reap_removes_what_a_killed_emulator_left(stage: Stage, engine: Engine) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)
    label = f"retrain.node={stage.node.identity}"
    command = [*engine.command, "run", "--detach", "--label", label, *engine.run_options]
    subprocess.run([*command, IMAGE, "sleep", mark], capture_output=True, check=True)
    assert ours(engine, stage.node) != []
    stage.wait(stage.node.reap())
    assert ours(engine, stage.node) == []
    assert living(mark) == []


def test_without_an_image_it_is_a_process_all_the_same(stage: Stage) -> None:
    assert stage.run("python -c 'import os; print(os.getppid() > 1)'").succeeded
    assert stage.stdout() == "True\n"


def test_several_run_at_once(stage: Stage) -> None:
    async def scene() -> list[Outcome]:
        works = (
            stage.node.run(stage.execution(f"sh -c 'exit {n}'", key=f"t{n}", image=IMAGE), ignore)
            for n in range(3)
        )
        return await asyncio.gather(*works)

    assert [outcome.exit_code for outcome in stage.wait(scene())] == [0, 1, 2]


def inside(mark: str) -> list[int]:
    """The pids of the container's own `sleep mark`, not of the engine's client that starts it."""
    return [pid for pid in living(mark) if psutil.Process(pid).name() == "sleep"]
