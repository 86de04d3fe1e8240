"""What reaches into a node from outside: refused in the service's words, but for its log."""

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch

from tests.contract.batch.conftest import add_task, code_of, completed, make_job, new_pool, refusal


@contextmanager
def storage(status: int) -> Iterator[tuple[str, dict[str, bytes]]]:
    """A container's address with a signature, and what was put there."""
    blobs: dict[str, bytes] = {}

    class Container(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            blobs[self.path] = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Container) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/account/logs?sig=x", blobs
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def node(client: BatchClient) -> Iterator[str]:
    client.create_pool(new_pool("reached"))
    (found,) = client.list_nodes("reached")
    yield found.id
    client._delete_pool_internal("reached")


def options(url: str, since: datetime) -> batch.UploadBatchServiceLogsOptions:
    return batch.UploadBatchServiceLogsOptions(container_url=url, start_time=since)


def test_the_log_is_uploaded(client: BatchClient, node: str) -> None:
    job = make_job(client, pool_info=batch.BatchPoolInfo(pool_id="reached"))
    add_task(client, job)
    completed(client, job)
    with storage(201) as (url, blobs):
        early = datetime.now(UTC) - timedelta(days=1)
        result = client.upload_node_logs("reached", node, options(url, early))
        assert result.number_of_files_uploaded == 1
        assert result.virtual_directory_name.startswith(f"{node}/")
        path = f"/account/logs/{result.virtual_directory_name}/node.log?sig=x"
        assert b"tasks run as processes" in blobs.pop(path)
        late = datetime.now(UTC) + timedelta(days=1)
        result = client.upload_node_logs("reached", node, options(url, late))
        assert blobs == {f"/account/logs/{result.virtual_directory_name}/node.log?sig=x": b""}


def test_a_container_that_refuses_is_said(client: BatchClient, node: str) -> None:
    with storage(403) as (url, _):
        early = datetime.now(UTC) - timedelta(days=1)
        error = refusal(lambda: client.upload_node_logs("reached", node, options(url, early)))
    assert (error.status_code, code_of(error)) == (400, "InvalidPropertyValue")


USER = batch.BatchNodeUserCreateOptions(name="me", password="x")
REFUSED: dict[str, tuple[Callable[[BatchClient, str], object], int, str]] = {
    "a user": (lambda c, n: c.create_node_user("reached", n, USER), 501, "NotImplemented"),
    "a user's password": (
        lambda c, n: c.replace_node_user(
            "reached", n, "me", batch.BatchNodeUserReplaceOptions(password="y")
        ),
        404,
        "NodeUserNotFound",
    ),
    "a user's end": (
        lambda c, n: c.delete_node_user("reached", n, "me"),
        404,
        "NodeUserNotFound",
    ),
    "a login": (
        lambda c, n: c.get_node_remote_login_settings("reached", n),
        501,
        "NotImplemented",
    ),
    "an extension": (
        lambda c, n: c.get_node_extension("reached", n, "x"),
        404,
        "ResourceNotFound",
    ),
}


@pytest.mark.parametrize(("call", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_what_a_local_node_has_not(
    client: BatchClient,
    node: str,
    call: Callable[[BatchClient, str], object],
    status: int,
    code: str,
) -> None:
    error = refusal(lambda: call(client, node))
    assert (error.status_code, code_of(error)) == (status, code)


def test_a_node_has_no_extensions(client: BatchClient, node: str) -> None:
    assert list(client.list_node_extensions("reached", node)) == []
