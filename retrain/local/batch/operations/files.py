"""Operations on the files of tasks and nodes: live, in parts, listed."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from retrain.local.batch import launch, listing
from retrain.local.batch.entity import stamp
from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.service import Service
from retrain.local.batch.wire import FilePart, Request, Response, answer, http_date

_RANGE: Final = re.compile(r"bytes=([0-9]{1,18})-([0-9]{0,18})")


def get_of_task(service: Service, request: Request) -> Response:
    folder, url = _task_folder(service, request)
    return _get(folder, url, request)


def list_of_task(service: Service, request: Request) -> Response:
    folder, url = _task_folder(service, request)
    return _list(service, folder, url, request)


def delete_of_task(service: Service, request: Request) -> Response:
    folder, _ = _task_folder(service, request)
    return _delete(folder, request)


def get_of_node(service: Service, request: Request) -> Response:
    folder, url = _node_folder(service, request)
    return _get(folder, url, request)


def list_of_node(service: Service, request: Request) -> Response:
    folder, url = _node_folder(service, request)
    return _list(service, folder, url, request)


def delete_of_node(service: Service, request: Request) -> Response:
    folder, _ = _node_folder(service, request)
    return _delete(folder, request)


def _task_folder(service: Service, request: Request) -> tuple[Path, str]:
    task = service.account.task(request.arguments["job"], request.arguments["task"])
    if task.node is None:
        raise Refused("TaskFilesUnavailable")
    root = launch.node_root(service.account, task.node["nodeId"])
    return root / task.node["taskRootDirectory"], task.url


def _node_folder(service: Service, request: Request) -> tuple[Path, str]:
    node = service.account.node(request.arguments["pool"], request.arguments["node"])
    return launch.node_root(service.account, node.id), node.url


def _find(folder: Path, request: Request) -> Path:
    """The file's path; one that leads out of the folder does not exist."""
    path = folder / request.arguments["file"]
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
        kind = path.stat().st_mode
    except (OSError, ValueError) as error:  # not there, or no name a file can have
        raise Refused("FileNotFound") from error
    if not inside or not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        raise Refused("FileNotFound")  # a pipe would keep its reader waiting
    return path


def _get(folder: Path, url: str, request: Request) -> Response:
    path = _find(folder, request)
    about = path.stat()
    is_folder = stat.S_ISDIR(about.st_mode)
    size = 0 if is_folder else about.st_size
    headers: tuple[tuple[str, str], ...] = (
        ("last-modified", http_date(_at(about.st_mtime))),
        ("ocp-creation-time", http_date(_at(about.st_ctime))),
        ("ocp-batch-file-isdirectory", str(is_folder)),
        ("ocp-batch-file-url", f"{url}/files/{_address(request.arguments['file'])}"),
        ("ocp-batch-file-mode", f"0{about.st_mode:o}"),
        ("content-type", "application/octet-stream"),
    )
    _require(request, _at(about.st_mtime))
    if request.method == "HEAD":
        return Response(200, FilePart(path, 0, size), headers)
    if is_folder:
        raise invalid("filePath", request.arguments["file"], "A folder has no content")
    start, length = _range(request, size)
    # The SDK takes nothing but 200 for its own range header, which the service answers so.
    partial = "range" in request.headers and "ocp-range" not in request.headers
    if partial:
        headers = (*headers, ("content-range", f"bytes {start}-{start + length - 1}/{size}"))
    return Response(206 if partial else 200, FilePart(path, start, length), headers)


def _range(request: Request, size: int) -> tuple[int, int]:
    text = request.headers.get("ocp-range") or request.headers.get("range")
    if not text:
        return 0, size
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        raise Refused("InvalidHeaderValue", HeaderName="ocp-range", HeaderValue=text)
    start, end = int(match[1]), int(match[2] or size - 1)
    if start >= size or end < start:
        raise Refused("InvalidRange", Size=str(size))
    return start, min(end, size - 1) - start + 1


def _require(request: Request, modified: datetime) -> None:
    since = request.date("if-modified-since")
    if since is not None and modified <= since:
        raise Refused("NotModified")
    unchanged = request.date("if-unmodified-since")
    if unchanged is not None and modified > unchanged:
        raise Refused("ConditionNotMet")


def _list(service: Service, folder: Path, url: str, request: Request) -> Response:
    if not folder.exists():
        raise Refused("TaskFilesUnavailable")
    recursive = request.flag("recursive")
    items = []
    for path in _walk(folder, recursive=recursive):
        with suppress(OSError):
            items.append(_item(path, folder, url))
    return listing.page_by_path(request, items, service.account.endpoint)


def _walk(folder: Path, *, recursive: bool) -> Iterator[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError:  # a task is at work: what was there a moment ago may be gone
        return
    for path in found:
        yield path
        if recursive and path.is_dir() and not path.is_symlink():
            yield from _walk(path, recursive=True)


def _item(path: Path, folder: Path, url: str) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    address = f"{url}/files/{_address(name)}"
    item: dict[str, Any] = {"name": name, "url": address, "isDirectory": True}
    about = path.lstat()
    if not stat.S_ISDIR(about.st_mode):
        item["isDirectory"] = False
        item["properties"] = {
            "creationTime": stamp(_at(about.st_ctime)),
            "lastModified": stamp(_at(about.st_mtime)),
            "contentLength": str(about.st_size),
            "contentType": "application/octet-stream",
            "fileMode": f"0{about.st_mode:o}",
        }
    return item


def _delete(folder: Path, request: Request) -> Response:
    path = _find(folder, request)
    if not path.is_dir():
        path.unlink(missing_ok=True)
    elif request.flag("recursive") or not any(path.iterdir()):
        shutil.rmtree(path, ignore_errors=True)
    else:
        raise invalid("recursive", "false", "The folder is not empty; delete it recursively")
    return answer(200)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _address(name: str) -> str:
    """A file's path as part of a URL, whatever bytes its name is made of."""
    return quote(name, errors="surrogateescape")
