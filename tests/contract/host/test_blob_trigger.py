"""Blob functions: real uploads to a real Azurite."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient

from retrain.local.azurite import AzuriteServer, BlobCreated
from retrain.local.host import AppRefused
from tests.contract.host.stage import Stage, until

APP = """
    import json, pathlib
    app = func.FunctionApp()
    seen = pathlib.Path(__file__).parent / "seen"
    seen.mkdir(exist_ok=True)

    def note(file, /, **what):
        with (seen / file).open("a") as out:
            out.write(json.dumps(what) + "\\n")

    @app.blob_trigger(arg_name="blob", path="data/{name}.csv", connection="S", source="EventGrid")
    def landed(blob: func.InputStream):
        note("landed", name=blob.name, length=blob.length, uri=blob.uri,
             start=blob.read(3).decode(), rest=blob.read().decode(),
             type=blob.blob_properties["ContentType"],
             metadata=blob.metadata)

    @app.blob_trigger(arg_name="blob", path="%DONE%", connection="S", source="EventGrid")
    async def ended(blob: func.InputStream):
        note("ended", name=blob.name)

    @app.blob_trigger(arg_name="blob", path="data/{name}.bad", connection="S", source="EventGrid")
    def bad(blob: func.InputStream):
        note("bad", name=blob.name)
        raise RuntimeError("not this one")
"""
SETTINGS = {"DONE": "outputs/{run}/{attempt}/ended.txt"}


def seen(stage: Stage, name: str) -> list[dict[str, object]]:
    file = stage.folder / "app" / "seen" / name
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def upload(server: AzuriteServer, path: str, content: bytes = b"1", **more: Any) -> None:
    container, _, name = path.partition("/")
    with BlobServiceClient.from_connection_string(server.connection_string) as client:
        if container not in [one.name for one in client.list_containers()]:
            client.create_container(container)
        client.get_blob_client(container, name).upload_blob(content, overwrite=True, **more)


def test_a_blob_that_lands_reaches_its_functions(stage: Stage) -> None:
    blobs = stage.azurite()
    host = stage.host(APP, blobs=blobs, environment=SETTINGS)
    upload(blobs, "data/other.txt")
    upload(blobs, "data/a/ü 1.csv", b"one,two", metadata={"who": "me"})
    upload(blobs, "outputs/r1/1/stdout.txt")
    upload(blobs, "outputs/r1/1/ended.txt")
    until(lambda: seen(stage, "ended") and seen(stage, "landed"))
    assert seen(stage, "ended") == [{"name": "outputs/r1/1/ended.txt"}]
    assert seen(stage, "landed") == [
        {
            "name": "data/a/ü 1.csv",
            "length": 7,
            "uri": f"{blobs.url}/data/a/%C3%BC%201.csv",
            "start": "one",
            "rest": ",two",
            "type": "application/octet-stream",
            "metadata": {"who": "me"},
        }
    ]
    until(lambda: host.invocations == {("ended", "succeeded"): 1, ("landed", "succeeded"): 1})


def test_content_is_fetched_only_when_read(stage: Stage) -> None:
    blobs = stage.azurite()
    stage.host(APP, blobs=blobs, environment=SETTINGS)
    upload(blobs, "outputs/r1/1/ended.txt")
    until(lambda: seen(stage, "ended"))
    assert blobs.calls["GET blob"] == 0


def test_five_tries_then_poison(stage: Stage, tmp_path: Path) -> None:
    blobs = stage.azurite()
    host = stage.host(APP, blobs=blobs, environment=SETTINGS)
    upload(blobs, "data/x.bad")
    poison = tmp_path / "host" / "webjobs-blobtrigger-poison.jsonl"
    until(poison.exists)
    until(lambda: poison.read_text().endswith("\n"))
    record = json.loads(poison.read_text())
    assert record.pop("ETag")
    assert record == {
        "Type": "BlobTrigger",
        "FunctionId": "Host.Functions.bad",
        "BlobType": "BlockBlob",
        "ContainerName": "data",
        "BlobName": "x.bad",
    }
    until(lambda: host.invocations == {("bad", "failed"): 5})


def test_a_blob_that_is_gone_is_a_silent_success(stage: Stage, tmp_path: Path) -> None:
    blobs = stage.azurite()
    host = stage.host(APP, blobs=blobs, environment=SETTINGS)
    upload(blobs, "data/first.csv")
    until(lambda: seen(stage, "landed"))
    stage.loop.call_soon_threadsafe(blobs.events.publish, BlobCreated("data", "gone.csv"))
    until(lambda: blobs.calls["HEAD blob"] == 2)
    upload(blobs, "data/last.csv")
    until(lambda: len(seen(stage, "landed")) == 2)
    until(lambda: host.invocations == {("landed", "succeeded"): 2})
    assert not (tmp_path / "host" / "webjobs-blobtrigger-poison.jsonl").exists()


def test_blobs_that_land_while_the_host_is_down_are_not_missed(stage: Stage) -> None:
    blobs = stage.azurite()
    stage.stop(stage.host(APP, blobs=blobs, environment=SETTINGS))
    upload(blobs, "data/meanwhile.csv")
    stage.stop(blobs)
    stage.host(APP, blobs=stage.azurite(), environment=SETTINGS)
    until(lambda: seen(stage, "landed"))
    assert seen(stage, "landed")[0]["name"] == "data/meanwhile.csv"


def test_an_app_with_blob_functions_needs_blob_storage(stage: Stage) -> None:
    with pytest.raises(AppRefused, match="without Blob Storage"):
        stage.host(APP, environment=SETTINGS)


def test_so_many_blobs_at_once(stage: Stage, tmp_path: Path) -> None:
    go_on = tmp_path / "go_on"
    blobs = stage.azurite()
    stage.host(
        f"""
        import pathlib, time
        app = func.FunctionApp()
        folder = pathlib.Path({str(tmp_path)!r})

        @app.blob_trigger(arg_name="blob", path="data/{{name}}", connection="S")
        def landed(blob):
            (folder / f"began-{{blob.name[-1]}}").touch()
            while not (folder / "go_on").exists():
                time.sleep(0.01)
        """,
        {"version": "2.0", "extensions": {"blobs": {"maxDegreeOfParallelism": 1}}},
        blobs=blobs,
        environment={"PYTHON_THREADPOOL_THREAD_COUNT": "32"},
    )
    cores, count = os.cpu_count() or 1, (os.cpu_count() or 1) + 2
    for number in range(count):
        upload(blobs, f"data/{number}")
    until(lambda: blobs.calls["PUT blob"] == count)
    until(lambda: len(list(tmp_path.glob("began-*"))) == cores)
    go_on.touch()
    until(lambda: len(list(tmp_path.glob("began-*"))) == count)
