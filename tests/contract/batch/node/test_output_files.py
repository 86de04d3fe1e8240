"""Output files go to a real Blob service when the process has ended."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from retrain.local.batch.execution import Outcome, OutputFile
from retrain.local.batch.node import uploads
from tests.contract.batch.node.conftest import Stage, Storage, ignore

FILES = ("a.txt", "outputs/model.pkl", "outputs/deep/.hidden", "outputs/deep/b.txt", "logs/1.csv")
SCRIPT = "for f in {}; do mkdir -p $(dirname $f); echo $f > $f; done; echo out; echo err >&2"

PATTERNS = {
    "all below a folder": (
        ("outputs/**/*", "r/1/outputs"),
        ["r/1/outputs/deep/b.txt", "r/1/outputs/model.pkl"],
    ),
    "all below a folder, short": (
        ("outputs/**", "o"),
        ["o/deep/b.txt", "o/model.pkl"],
    ),
    "hidden files": (("outputs/**/.*", "o"), ["o/deep/.hidden"]),
    "one folder only": (("outputs/*", "o"), ["o/model.pkl"]),
    "by ending, anywhere": (("**/*.txt", "t/"), ["t/a.txt", "t/outputs/deep/b.txt"]),
    "one file, named": (("outputs/model.pkl", "m/best.pkl"), ["m/best.pkl"]),
    "one file, not named": (("outputs/model.pkl", None), ["model.pkl"]),
    "many, not named": (("outputs/**/*.txt", None), ["deep/b.txt"]),
    "the output": (("../std*.txt", "logs"), ["logs/stderr.txt", "logs/stdout.txt"]),
    "one of the outputs": (("../stdout.txt", "logs/o.txt"), ["logs/o.txt"]),
    "a range": (("logs/[0-9].csv", "l"), ["l/1.csv"]),
    "not a range": (("logs/[!0-9].csv", "l"), []),
    "one letter": (("?.txt", "q"), ["q/a.txt"]),
    "a folder in the middle": (("out*/deep/*.txt", "d"), ["d/outputs/deep/b.txt"]),
    "a variable": (("$AZ_BATCH_TASK_DIR/stdout.txt", "v.txt"), ["v.txt"]),
    "nothing": (("nosuch/**/*", "n"), []),
    "a folder is no file": (("outputs", "n"), []),
    "outside the task's folder": (("../../*", "n"), []),
}


@pytest.mark.parametrize(("entry", "names"), PATTERNS.values(), ids=PATTERNS)
def test_a_pattern(
    stage: Stage, storage: Storage, entry: tuple[str, str | None], names: list[str]
) -> None:
    (stage.root / "other").mkdir(parents=True)
    (stage.root / "other.txt").write_text("another task's")
    script = SCRIPT.format(" ".join(FILES))
    outcome = stage.run(
        "sh -c 'eval \"$SCRIPT\"'",
        environment={"SCRIPT": script, "AZ_BATCH_TASK_DIR": str(stage.root / "task")},
        output_files=(storage.output(*entry),),
    )
    assert outcome == Outcome(0, None)
    assert storage.names == names


def test_content_and_type_are_kept(stage: Stage, storage: Storage) -> None:
    outputs = (storage.output("**/*", "o"), storage.output("../stdout.txt", "stdout.txt"))
    command_line = "sh -c 'printf {} > a.json; : > empty; printf x > n; echo hello'"
    assert stage.run(command_line, output_files=outputs).succeeded
    assert storage.content("o/a.json") == b"{}"
    assert storage.content("o/empty") == b""
    assert storage.content("stdout.txt") == b"hello\n"
    kinds = {b.name: b.content_settings.content_type for b in storage.client.list_blobs()}
    assert kinds == {
        "o/a.json": "application/json",
        "o/empty": "application/octet-stream",
        "o/n": "application/octet-stream",
        "stdout.txt": "text/plain",
    }


def test_any_name_travels(stage: Stage, storage: Storage) -> None:
    folder = stage.working() / "outputs"
    folder.mkdir()
    names = ["a b", "ü", "50%", "q?x=1&y", "p+q", "h#1", "[x]", "it's"]
    for name in names:
        (folder / name).write_text(name)
    assert stage.run("true", output_files=(storage.output("outputs/**/*", "o"),)).succeeded
    assert storage.names == sorted(f"o/{name}" for name in names)
    assert all(storage.content(f"o/{name}") == name.encode() for name in names)


def test_links_lead_nowhere_else(stage: Stage, storage: Storage, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("secret")
    folder = stage.working() / "outputs"
    (folder / "run-1").mkdir(parents=True)
    (folder / "run-1" / "model").write_text("model")
    (folder / "best").symlink_to("run-1/model")
    (folder / "latest").symlink_to("run-1")
    (folder / "loop").symlink_to("..")
    (folder / "out").symlink_to(secret)
    (folder / "key").symlink_to(secret / "key")
    (folder / "gone").symlink_to("nosuch")
    entries = (storage.output("outputs/**/*", "o"), storage.output("outputs/out/key", "k"))
    assert stage.run("true", output_files=entries).succeeded
    assert storage.names == ["o/best", "o/run-1/model"]
    assert storage.content("o/best") == b"model"


CONDITIONS = {
    "well": ("true", ["always", "well"]),
    "badly": ("false", ["always", "badly"]),
    "not at all": ("nosuchprogram", []),
}


@pytest.mark.parametrize(("command_line", "names"), CONDITIONS.values(), ids=CONDITIONS)
def test_conditions(stage: Stage, storage: Storage, command_line: str, names: list[str]) -> None:
    stage.run(
        command_line,
        output_files=(
            storage.output("../stdout.txt", "always", "taskcompletion"),
            storage.output("../stdout.txt", "well", "tasksuccess"),
            storage.output("../stdout.txt", "badly", "taskfailure"),
        ),
    )
    assert storage.names == names


def test_what_is_listed_last_is_uploaded_last(stage: Stage, storage: Storage) -> None:
    for number in range(30):
        (stage.working() / f"{number}.bin").write_bytes(bytes(100_000))
    (stage.root / "task" / "ended.txt").touch()
    entries = (storage.output("*.bin", "b"), storage.output("../ended.txt", "ended.txt"))
    assert stage.run("true", output_files=entries).succeeded
    told = (stage.root / "task" / "fileuploadout.txt").read_text().splitlines()
    assert len(told) == 31
    assert "ended.txt" in told[-1]
    times = {b.name: b.last_modified for b in storage.client.list_blobs()}
    assert times["ended.txt"] == max(times.values())


def test_a_file_larger_than_one_put_goes_in_blocks(
    stage: Stage, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "WHOLE_BYTES", 1 << 20)
    monkeypatch.setattr(uploads, "BLOCK_BYTES", 1 << 18)
    content = bytes(range(256)) * 4096 + b"and an end"
    (stage.working() / "model.json").write_bytes(content)
    assert stage.run("true", output_files=(storage.output("*", "o"),)).succeeded
    assert storage.content("o/model.json") == content
    blob = storage.client.get_blob_client("o/model.json")
    assert len(blob.get_block_list("committed")[0]) == 5
    assert blob.get_blob_properties().content_settings.content_type == "application/json"


@pytest.mark.parametrize("whole", [1, 1 << 20], ids=["in blocks", "whole"])
def test_headers_are_the_callers(
    stage: Stage, storage: Storage, whole: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "WHOLE_BYTES", whole)
    headers = (("x-ms-blob-content-type", "text/csv"), ("x-ms-meta-run", "7"))
    entry = replace(storage.output("a.txt", "a"), headers=headers)
    assert stage.run("sh -c 'echo 1,2 > a.txt'", output_files=(entry,)).succeeded
    found = storage.client.get_blob_client("a").get_blob_properties()
    assert found.content_settings.content_type == "text/csv"
    assert found.metadata == {"run": "7"}


def test_a_whole_file_is_streamed(stage: Stage, storage: Storage) -> None:
    content = bytes(range(256)) * 20_480  # 5 MiB
    (stage.working() / "model").write_bytes(content)
    assert stage.run("true", output_files=(storage.output("model", "m"),)).succeeded
    assert storage.content("m") == content


def test_a_killed_tasks_output_is_kept(stage: Stage, storage: Storage) -> None:
    entries = (
        storage.output("../stdout.txt", "o"),
        storage.output("../stdout.txt", "w", "tasksuccess"),
    )
    outcome = stage.run(
        "sh -c 'echo so far; sleep 100'", wall_clock_seconds=0.3, output_files=entries
    )
    assert outcome.failure is not None
    assert outcome.failure.code == "TaskEnded"
    assert storage.names == ["o"]
    assert storage.content("o") == b"so far\n"


def test_a_terminated_tasks_output_is_not(stage: Stage, storage: Storage) -> None:
    async def scene() -> Outcome:
        started = asyncio.Event()
        entry = storage.output("../stdout.txt", "o")
        execution = stage.execution("sleep 100", output_files=(entry,))
        work = asyncio.create_task(stage.node.run(execution, started.set))
        await started.wait()
        await stage.node.terminate("task")
        return await work

    assert not stage.wait(scene()).succeeded
    assert storage.names == []


def test_a_denied_upload_fails_the_task_and_names_the_file(stage: Stage, storage: Storage) -> None:
    denied = OutputFile("model.pkl", storage.sas("r"), "m", "taskcompletion")
    allowed = storage.output("../stdout.txt", "stdout.txt")
    outcome = stage.run("touch model.pkl", output_files=(denied, allowed))
    assert outcome.exit_code == 0
    assert outcome.failure is not None
    assert outcome.failure.code == "FileUploadAccessDenied"
    assert "model.pkl" in outcome.failure.message
    assert "sig=" not in str(outcome.failure)
    assert storage.names == ["stdout.txt"]
    errors = (stage.root / "task" / "fileuploaderr.txt").read_text()
    assert "FileUploadAccessDenied" in errors
    assert "sig=" not in errors


def test_a_container_that_is_not_there_fails_the_task(stage: Stage, storage: Storage) -> None:
    entry = storage.output("../stdout.txt", "o")
    storage.client.delete_container()
    outcome = stage.run("true", output_files=(entry,))
    assert outcome.failure is not None
    assert outcome.failure.code == "FileUploadContainerNotFound"


def test_where_nobody_listens_the_upload_fails(stage: Stage) -> None:
    entry = OutputFile("../stdout.txt", "http://127.0.0.1:9/c?sig=s", "o", "taskcompletion")
    outcome = stage.run("true", output_files=(entry,))
    assert outcome.failure is not None
    assert outcome.failure.code == "FileUploadMiscError"


def test_a_failed_tasks_own_failure_is_told_before_an_uploads(
    stage: Stage, storage: Storage
) -> None:
    denied = OutputFile("../stdout.txt", storage.sas("r"), "o", "taskcompletion")
    outcome = stage.run("false", output_files=(denied,))
    assert outcome.exit_code == 1
    assert outcome.failure is not None
    assert outcome.failure.code == "FailureExitCode"


def test_two_tasks_upload_at_once(stage: Stage, storage: Storage) -> None:
    async def scene() -> list[Outcome]:
        works = (
            stage.node.run(
                stage.execution(
                    f"echo {n}",
                    key=f"t{n}",
                    output_files=(storage.output("../stdout.txt", f"{n}/stdout.txt"),),
                ),
                ignore,
            )
            for n in range(20)
        )
        return await asyncio.gather(*works)

    assert all(outcome.succeeded for outcome in stage.wait(scene()))
    assert [storage.content(f"{n}/stdout.txt") for n in range(20)] == [
        f"{n}\n".encode() for n in range(20)
    ]
