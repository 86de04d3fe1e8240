"""A task as a process: what it sees, how it ends, and that nothing of it is left."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from retrain.local.batch.execution import Outcome
from retrain.local.batch.node import LocalNode, leftovers, warden
from tests.contract.batch.node.conftest import Stage, eventually, ignore, living

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's child subreapers")

ENDINGS = {
    "well": ("true", 0, None),
    "with its own code": ("sh -c 'exit 3'", 3, "FailureExitCode"),
    "with the largest code": ("sh -c 'exit 255'", 255, "FailureExitCode"),
    "by SIGKILL": ("sh -c 'kill -9 $$'", 137, "FailureExitCode"),
    "by SIGTERM": ("sh -c 'kill -15 $$'", 143, "FailureExitCode"),
    "before it began: no such program": ("nosuchprogram -x", None, "CommandProgramNotFound"),
    "before it began: no such path": ("./nosuchprogram", None, "CommandProgramNotFound"),
    "before it began: not executable": ("/etc/passwd", None, "CommandLaunchFailed"),
    "before it began: an open quote": ("sh -c 'echo", None, "CommandLaunchFailed"),
    "before it began: nothing to run": ("  ", None, "CommandProgramNotFound"),
    "before it began: an argument too long": (f"echo {'x' * 200_000}", None, "CommandLaunchFailed"),
}


@pytest.mark.parametrize(("command_line", "code", "failure"), ENDINGS.values(), ids=ENDINGS)
def test_it_ends(stage: Stage, command_line: str, code: int | None, failure: str | None) -> None:
    outcome = stage.run(command_line)
    assert outcome.exit_code == code
    assert (outcome.failure.code if outcome.failure else None) == failure
    assert outcome.failure is None or outcome.failure.category == "usererror"


def test_no_shell_reads_the_command_line(stage: Stage) -> None:
    assert stage.run("echo '$HOME;' \"a b\" > file").succeeded
    assert stage.stdout() == "$HOME; a b > file\n"


def test_the_products_own_command_line(stage: Stage) -> None:
    environment = {"RETRAIN_SCRIPT": 'echo first\necho "it\'s $0" >&2\nexit 4'}
    outcome = stage.run("/bin/sh -c 'eval \"$RETRAIN_SCRIPT\"'", environment=environment)
    assert outcome.exit_code == 4
    assert (stage.stdout(), stage.stderr()) == ("first\n", "it's /bin/sh\n")


def test_it_runs_in_its_working_folder_with_its_variables(stage: Stage) -> None:
    assert stage.run("sh -c 'pwd; echo \"$A\"'", environment={"A": "b\nc ü"}).succeeded
    assert stage.stdout() == f"{stage.working()}\nb\nc ü\n"


def test_the_emulators_environment_is_not_the_tasks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    assert stage.run("env").succeeded
    assert "s3cret" not in stage.stdout()
    assert "PYTHONPATH" not in stage.stdout()
    assert "PATH=" in stage.stdout()


def test_it_has_a_session_of_its_own_and_only_three_files(stage: Stage) -> None:
    script = "import os; print(os.getsid(0) == os.getpid(), sorted(os.listdir('/dev/fd'))[:3])"
    ends = "import os; print(len([f for f in range(3, 256) if os.path.exists(f'/dev/fd/{f}')]))"
    assert stage.run(f'python3 -c "{script}"').succeeded
    assert stage.stdout() == "True ['0', '1', '2']\n"
    assert stage.run(f'python3 -c "{ends}"').succeeded
    assert stage.stdout() == "0\n"


def test_on_started_is_called_once_and_only_when_started(stage: Stage) -> None:
    calls: list[str] = []
    for key, command_line in (("good", "true"), ("bad", "nosuchprogram")):
        execution = stage.execution(command_line, key=key)
        stage.wait(stage.node.run(execution, lambda key=key: calls.append(key)))  # type: ignore[misc]
    assert calls == ["good"]


def test_a_hundred_megabytes_of_output_go_straight_to_the_file(stage: Stage) -> None:
    memory = psutil.Process().memory_info().rss
    assert stage.run("head -c 104857600 /dev/zero").succeeded
    assert (stage.root / "task" / "stdout.txt").stat().st_size == 100 << 20
    assert psutil.Process().memory_info().rss - memory < 50 << 20


def test_output_can_be_read_while_it_runs(stage: Stage) -> None:
    async def scene() -> Outcome:
        command_line = "sh -c 'echo ready; read line < ../fifo; echo $line'"
        stage.working()
        os.mkfifo(stage.root / "task" / "fifo")
        work = asyncio.create_task(stage.node.run(stage.execution(command_line), ignore))
        seen = stage.root / "task" / "stdout.txt"
        await asyncio.to_thread(
            eventually, lambda: seen.exists() and seen.read_text() == "ready\n", "no live output"
        )
        await asyncio.to_thread((stage.root / "task" / "fifo").write_text, "go\n")
        return await work

    assert stage.wait(scene()).succeeded
    assert stage.stdout() == "ready\ngo\n"


DAEMONS = {
    "in the background": "sleep {mark} &",
    "in a session of its own": "setsid sleep {mark} &",
    "forked twice": "(setsid sh -c 'sleep {mark} & exit' &)",
    "with a wiped environment": "env -i setsid sleep {mark} &",
    "deaf to signals": "(trap '' TERM HUP INT; setsid sleep {mark}) &",
    "in a crowd": "for i in 1 2 3 4 5 6 7 8 9; do setsid sleep {mark} & done",
}


@linux
@pytest.mark.parametrize("leave", DAEMONS.values(), ids=DAEMONS)
@pytest.mark.parametrize("end", ["exit 0", "kill -9 $$"], ids=["well", "killed"])
def test_what_it_leaves_behind_ends_with_it(stage: Stage, leave: str, end: str) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)
    script = f"{leave.format(mark=mark)}\n{end}"
    outcome = stage.run("sh -c 'eval \"$SCRIPT\"'", environment={"SCRIPT": script})
    assert outcome.exit_code == (0 if end == "exit 0" else 137)
    assert living(mark) == []


@linux
@pytest.mark.parametrize("leave", DAEMONS.values(), ids=DAEMONS)
def test_its_limit_ends_all_of_it(stage: Stage, leave: str) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)
    script = f"{leave.format(mark=mark)}\necho begun; sleep {mark}"
    outcome = stage.run(
        "sh -c 'eval \"$SCRIPT\"'", environment={"SCRIPT": script}, wall_clock_seconds=0.3
    )
    assert outcome.exit_code == 137
    assert outcome.failure is not None
    assert outcome.failure.code == "TaskEnded"
    assert dict(outcome.failure.details)["MaxWallClockTimeSeconds"] == "0.3"
    assert stage.stdout() == "begun\n"
    assert living(mark) == []


@linux
def test_terminate_ends_all_of_it_and_run_returns(stage: Stage) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)

    async def scene() -> Outcome:
        started = asyncio.Event()
        command_line = f"sh -c 'env -i setsid sleep {mark} & sleep {mark}'"
        work = asyncio.create_task(stage.node.run(stage.execution(command_line), started.set))
        await started.wait()
        await asyncio.to_thread(eventually, lambda: len(living(mark)) == 2, "it didn't begin")
        await stage.node.terminate("task")
        assert living(mark) == []
        return await work

    outcome = stage.wait(scene())
    assert outcome.failure is not None
    assert outcome.failure.code == "TaskEnded"


def test_terminate_of_what_does_not_run_does_nothing(stage: Stage) -> None:
    stage.wait(stage.node.terminate("nobody"))


def test_a_stopped_node_gives_no_outcome(stage: Stage) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)

    async def scene() -> None:
        started = asyncio.Event()
        work = asyncio.create_task(stage.node.run(stage.execution(f"sleep {mark}"), started.set))
        await started.wait()
        await stage.node.stop()
        with pytest.raises(asyncio.CancelledError):
            await work

    stage.wait(scene())
    assert living(mark) == []


@linux
def test_a_run_that_is_cancelled_ends_its_process(stage: Stage) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)

    async def scene() -> None:
        started = asyncio.Event()
        work = asyncio.create_task(
            stage.node.run(stage.execution(f"setsid -w sleep {mark}"), started.set)
        )
        await started.wait()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    stage.wait(scene())
    assert living(mark) == []


@linux
def test_a_killed_guard_takes_its_task_along(stage: Stage) -> None:
    mark = str(1_000_000 + uuid4().int % 1_000_000)

    async def scene() -> Outcome:
        started = asyncio.Event()
        work = asyncio.create_task(stage.node.run(stage.execution(f"sleep {mark}"), started.set))
        await started.wait()
        await asyncio.to_thread(eventually, lambda: living(mark) != [], "it didn't begin")
        guard = psutil.Process(living(mark)[0]).ppid()
        os.kill(guard, signal.SIGKILL)
        return await work

    outcome = stage.wait(scene())
    assert outcome.failure is not None
    assert (outcome.failure.category, outcome.failure.code) == ("servererror", "TaskLost")
    assert living(mark) == []


def test_a_killed_warden_is_replaced(stage: Stage) -> None:
    assert stage.run("true").succeeded
    wardens = [
        child.pid
        for child in psutil.Process().children()
        if child.environ().get(leftovers.NODE_MARK) == stage.node.identity
    ]
    assert len(wardens) == 1
    os.kill(wardens[0], signal.SIGKILL)
    psutil.Process(wardens[0]).wait()
    assert stage.run("true").succeeded


def test_ending_it_again_breaks_nothing_off(stage: Stage) -> None:
    argument = str(uuid4())

    async def scene() -> Outcome:
        begun = asyncio.Event()
        script = f"sh -c 'setsid sh -c \"sleep 300; {argument}\" & sleep 300; {argument}'"
        work = asyncio.create_task(stage.node.run(stage.execution(script), begun.set))
        await begun.wait()
        endings = []
        for _ in range(20):
            endings.append(asyncio.create_task(stage.node.terminate("task")))
            await asyncio.sleep(0)
        await asyncio.gather(*endings)
        assert living(argument) == []
        outcome = await work
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcome

    failure = stage.wait(scene()).failure
    assert failure is not None
    assert failure.code == "TaskEnded"


def test_many_run_at_once(stage: Stage) -> None:
    async def scene() -> list[Outcome]:
        works = (
            stage.node.run(stage.execution(f"sh -c 'exit {n}'", key=f"t{n}"), ignore)
            for n in range(40)
        )
        return await asyncio.gather(*works)

    assert [outcome.exit_code for outcome in stage.wait(scene())] == list(range(40))


def test_a_second_try_begins_its_output_anew(stage: Stage) -> None:
    assert stage.run("echo a long first line").succeeded
    assert stage.run("echo short").succeeded
    assert stage.stdout() == "short\n"


def test_the_log_says_how_tasks_run(node: LocalNode, stage: Stage, tmp_path: Path) -> None:
    for _ in range(2):
        assert stage.run("true", image="docker.io/library/python:3.11").succeeded
    lines = (tmp_path / "log" / "node.log").read_text().splitlines()
    assert "tasks run as processes" in lines[0]
    assert [line for line in lines if "docker.io/library/python:3.11 is not used" in line] == lines[
        1:
    ]


def test_a_folder_that_can_not_be_made_is_the_nodes_failure(stage: Stage) -> None:
    stage.root.parent.mkdir(exist_ok=True)
    stage.root.write_text("a file where the folder should be")
    outcome = stage.run("true")
    assert outcome.failure is not None
    assert (outcome.failure.category, outcome.failure.code) == ("servererror", "NodeFailed")


@linux
def test_a_kernel_without_a_list_of_children_has_another() -> None:
    with subprocess.Popen(["sleep", "1000"]) as child:
        assert warden.parent(child.pid) == os.getpid()
        assert child.pid in warden.processes()
        assert child.pid in warden.children()
        child.kill()
    assert warden.parent(child.pid) == 0
