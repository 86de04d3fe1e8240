"""Whole uploads and downloads: ask the API where, move the bytes, say what they are called now."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from retrain.client.connection import Connection
from retrain.client.download import fetch, safe_target
from retrain.client.errors import BadSource
from retrain.client.parallel import Progress, in_parallel
from retrain.client.records import OutputFile
from retrain.client.sources import LocalFile, digest, local_files
from retrain.client.upload import Upload, upload_all
from retrain.contexts import BuildContext
from retrain.snapshot import Snapshot

ASKED_AT_ONCE = 1_000  # files; the API takes bodies of 1 MiB


def put_snapshot(connection: Connection, snapshot: Snapshot, progress: Progress) -> str:
    answer = connection.json("POST", f"/api/snapshots/{snapshot.sha256}")
    if not answer["exists"]:
        files = local_files(snapshot.path)
        upload_all(connection.blobs, [Upload(files[0], answer["upload"])], progress)
    return str(answer["uri"])


def put_context(connection: Connection, context: BuildContext, progress: Progress) -> str:
    answer = connection.json("POST", f"/api/contexts/{context.digest}")
    if not answer["exists"]:
        files = local_files(context.path)
        upload_all(connection.blobs, [Upload(files[0], answer["upload"])], progress)
    return str(answer["uri"])


def put_inputs(connection: Connection, path: Path, progress: Progress) -> str:
    files = local_files(path)
    name = digest(files)
    uri = ""
    for some in _portions(files):
        listed = [{"path": f.name, "size": f.size, "sha256": f.sha256} for f in some]
        answer = connection.json("POST", "/api/inputs", body={"digest": name, "files": listed})
        uri = str(answer["uri"])
        upload_all(connection.blobs, _granted(some, answer["uploads"]), progress)
    return uri if path.is_dir() else uri + files[0].name


def put_data(connection: Connection, path: Path, to: str | None, progress: Progress) -> list[str]:
    files = [_renamed(file, _place(path, file, to)) for file in local_files(path)]
    uris: list[str] = []
    for some in _portions(files):
        listed = [{"path": file.name} for file in some]
        answer = connection.json("POST", "/api/data", body={"files": listed})
        upload_all(connection.blobs, _granted(some, answer["uploads"]), progress)
        uris += [str(grant["uri"]) for grant in answer["uploads"]]
    return uris


def get_outputs(
    connection: Connection,
    run: str,
    files: Sequence[OutputFile],
    folder: Path,
    progress: Progress,
    query: Mapping[str, Any],
) -> list[Path]:
    where = f"/api/jobs/{quote(run, safe='')}/outputs"
    return get_files(connection, where, files, folder, progress, query)


def get_files(
    connection: Connection,
    where: str,
    files: Sequence[OutputFile],
    folder: Path,
    progress: Progress,
    query: Mapping[str, Any] | None = None,
) -> list[Path]:
    """where: the API's path below which each file's own path answers with its address."""
    targets = [safe_target(folder, file["path"]) for file in files]  # all, before the first byte

    def work(item: tuple[OutputFile, Path], report: Progress) -> None:
        path = item[0]["path"]

        def url() -> str:
            answer = connection.api("GET", f"{where}/{quote(path)}", params=query)
            return str(answer.headers["Location"])

        fetch(connection.blobs, url, item[1], report, path)

    in_parallel(work, list(zip(files, targets, strict=True)), progress)
    return targets


def _place(path: Path, file: LocalFile, to: str | None) -> str:
    """`to` names the file, or the folder when it ends with `/` or a folder is uploaded."""
    if path.is_dir():
        top = path.resolve().name if to is None else to.strip("/")
        return f"{top}/{file.name}".lstrip("/")
    if to is None or to.endswith("/"):
        return (to or "").lstrip("/") + file.name
    return to.lstrip("/")


def _renamed(file: LocalFile, name: str) -> LocalFile:
    if not name:
        raise BadSource("The data's path in Blob Storage is empty.", "Write it as --to folder/file")
    return LocalFile(name, file.path, file.size, file.changed_ns, file.sha256, file.md5)


def _granted(files: Sequence[LocalFile], grants: Sequence[dict[str, object]]) -> list[Upload]:
    by_name = {file.name: file for file in files}
    return [Upload(by_name[str(grant["path"])], dict(grant)) for grant in grants]


def _portions(files: list[LocalFile]) -> Iterator[list[LocalFile]]:
    for start in range(0, len(files), ASKED_AT_ONCE):
        yield files[start : start + ASKED_AT_ONCE]
