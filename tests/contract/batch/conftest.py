"""A Batch emulator in a thread of its own, and the unmodified azure-batch client."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from azure.batch import BatchClient
from azure.batch import models as batch
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from retrain.local.batch import BatchServer, BatchSettings
from retrain.local.batch.allocation import Allocation
from retrain.local.batch.clock import Clock
from retrain.local.batch.service import Service

PATIENCE_SECONDS = 20

T = TypeVar("T")

_numbers = count(1)


def until(ask: Callable[[], T | None]) -> T:
    """The first answer that is neither None nor False."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.01)
    raise AssertionError("waited in vain")


def code_of(error: HttpResponseError) -> str:
    """The service's code of a refusal."""
    return str(error.model["code"]) if error.model else "None"


def job_name() -> str:
    """An id no other test has."""
    return f"job-{next(_numbers)}"


def client_of(settings: BatchSettings, endpoint: str) -> BatchClient:
    """A client that repeats nothing, so that every refusal is seen."""
    key = AzureNamedKeyCredential(settings.account, settings.key)
    return BatchClient(endpoint, key, retry_total=0)


_loops: dict[BatchServer, asyncio.AbstractEventLoop] = {}


def within(server: BatchServer, call: Callable[[Service], T]) -> T:
    """What the call gives, made where the server runs: for what no client can ask for."""

    async def ask() -> T:
        return call(server.service)

    return asyncio.run_coroutine_threadsafe(ask(), _loops[server]).result(PATIENCE_SECONDS)


@contextmanager
def running(
    settings: BatchSettings, allocation: Allocation | None = None, clock: Clock | None = None
) -> Iterator[BatchServer]:
    """The server, in an event loop in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def do(work: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, loop)
        return future.result(PATIENCE_SECONDS)

    server = BatchServer(settings, allocation=allocation, clock=clock)
    _loops[server] = loop
    try:
        do(server.start())
        try:
            yield server
        finally:
            do(server.stop())
    finally:
        del _loops[server]
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Iterator[BatchServer]:
    """One for all tests that use ids of their own."""
    settings = BatchSettings(data=tmp_path_factory.mktemp("batch"), environments=environments)
    with running(settings) as server:
        yield server


@pytest.fixture(scope="session")
def client(server: BatchServer) -> Iterator[BatchClient]:
    with client_of(server.settings, server.endpoint) as client:
        yield client


MACHINE = batch.VirtualMachineConfiguration(
    image_reference=batch.BatchVmImageReference(
        publisher="microsoft-dsvm", offer="ubuntu-hpc", sku="2204"
    ),
    node_agent_sku_id="batch.node.ubuntu 22.04",
)


def auto_pool(nodes: int = 1, **rest: Any) -> batch.BatchPoolInfo:
    """A pool that comes and goes with its job."""
    keep_alive = rest.pop("keep_alive", False)
    return batch.BatchPoolInfo(
        auto_pool_specification=batch.BatchAutoPoolSpecification(
            auto_pool_id_prefix="retrain",
            pool_lifetime_option=batch.BatchPoolLifetimeOption.JOB,
            keep_alive=keep_alive,
            pool=batch.BatchPoolSpecification(
                vm_size="STANDARD_D2S_V3",
                target_dedicated_nodes=nodes,
                virtual_machine_configuration=MACHINE,
                **rest,
            ),
        )
    )


def new_pool(pool_id: str, nodes: int = 1, **rest: Any) -> batch.BatchPoolCreateOptions:
    return batch.BatchPoolCreateOptions(
        id=pool_id,
        vm_size="STANDARD_D2S_V3",
        target_dedicated_nodes=nodes,
        virtual_machine_configuration=MACHINE,
        **rest,
    )


def make_job(client: BatchClient, job_id: str | None = None, **rest: Any) -> str:
    """A job, with an auto pool of one node unless told otherwise."""
    job_id = job_id or job_name()
    rest.setdefault("pool_info", auto_pool())
    client.create_job(batch.BatchJobCreateOptions(id=job_id, **rest))
    return job_id


def add_task(
    client: BatchClient, job: str, script: str = "true", task: str = "t", **rest: Any
) -> str:
    """A task that runs the script under /bin/sh."""
    quoted = script.replace("'", "'\\''")
    options = batch.BatchTaskCreateOptions(id=task, command_line=f"/bin/sh -c '{quoted}'", **rest)
    client.create_task(job, options)
    return task


def completed(client: BatchClient, job: str, task: str = "t") -> batch.BatchTask:
    """The task, when it is over."""

    def ask() -> batch.BatchTask | None:
        found = client.get_task(job, task)
        return found if found.state == batch.BatchTaskState.COMPLETED else None

    return until(ask)


def in_state(client: BatchClient, job: str, state: str) -> batch.BatchJob:
    """The job, when it is in that state."""

    def ask() -> batch.BatchJob | None:
        found = client.get_job(job)
        return found if found.state == state else None

    return until(ask)


def started(client: BatchClient, job: str, task: str = "t", line: bytes = b"go") -> None:
    """Returns when the task has printed the line."""

    def ask() -> bool | None:
        try:
            return line in read(client, job, "stdout.txt", task)
        except HttpResponseError:
            return None

    until(ask)


def read(client: BatchClient, job: str, path: str, task: str = "t", **rest: Any) -> bytes:
    """A file of a task."""
    return with_body(lambda: b"".join(client.download_task_file(job, task, path, **rest)))


def with_body(download: Callable[[], bytes]) -> bytes:
    """The SDK leaves the body of a refused download unread, and so its connection open."""
    try:
        return download()
    except HttpResponseError as error:
        response: Any = error.response
        error.model = json.loads(response.read())
        response.close()
        raise


def node_in(client: BatchClient, pool: str, state: str) -> batch.BatchNode:
    """The pool's first node in that state, when there is one."""

    def ask() -> batch.BatchNode | None:
        return next((node for node in client.list_nodes(pool) if node.state == state), None)

    return until(ask)


def delete_job(client: BatchClient, job: str, **rest: Any) -> None:
    """As `begin_delete_job`, whose poller would sleep for five seconds."""
    client._delete_job_internal(job, **rest)


def gone(client: BatchClient, job: str) -> None:
    """Returns when the job is no more."""

    def ask() -> bool:
        try:
            client.get_job(job)
        except ResourceNotFoundError:
            return True
        return False

    until(ask)


def refusal(call: Callable[[], Any]) -> HttpResponseError:
    """What the call was refused with."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    return caught.value
