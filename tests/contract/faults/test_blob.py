"""Requests to Blob Storage that go wrong: what the unmodified SDK makes of it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import psutil
import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ServiceResponseError,
)
from azure.storage.blob import BlobClient, BlobServiceClient, LinearRetry

from retrain.local.azurite import AzuriteServer, AzuriteSettings, BlobCreated
from retrain.local.faults import Faults, Plan, Rule, blob, http, seconds


class Azurite:
    """A server in a thread's event loop, and the events that it tells of."""

    def __init__(self, folder: Path) -> None:
        self.faults = Faults()
        self.server = AzuriteServer(AzuriteSettings(folder, port=0, faults=self.faults))
        self.heard: list[BlobCreated] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def do(self, work: Any) -> Any:
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(60)

    async def begin(self) -> None:
        await self.server.start()
        self.server.events.subscribe(self._hear, ["data"])
        await self.server.events.start()

    async def _hear(self, event: BlobCreated) -> None:
        self.heard.append(event)

    def __enter__(self) -> "Azurite":
        self._thread.start()
        self.do(self.begin())
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def client(self, retries: int = 0) -> BlobServiceClient:
        policy = LinearRetry(backoff=0, retry_total=retries, random_jitter_range=0)
        return BlobServiceClient.from_connection_string(
            self.server.connection_string, retry_policy=policy
        )


@pytest.fixture(scope="module")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    with Azurite(tmp_path_factory.mktemp("blob")) as azurite:
        with azurite.client() as client:
            client.create_container("data")
        yield azurite


@pytest.fixture
def faults(azurite: Azurite) -> Faults:
    """Empty, and with nothing remembered."""
    azurite.faults.replace(Plan())
    return azurite.faults


@pytest.fixture
def strict(azurite: Azurite) -> Iterator[BlobServiceClient]:
    """Repeats nothing, so that every fault is seen."""
    with azurite.client() as client:
        yield client


@pytest.fixture
def patient(azurite: Azurite) -> Iterator[BlobServiceClient]:
    with azurite.client(retries=3) as client:
        yield client


def at(name: str) -> blob.BlobWhere:
    return blob.BlobWhere(operation="PUT blob", container="data", blob=name)


def put(client: BlobServiceClient, name: str, content: bytes = b"1", **terms: Any) -> BlobClient:
    there = client.get_blob_client("data", name)
    there.upload_blob(content, **terms)
    return there


def names(client: BlobServiceClient) -> set[str]:
    return {str(each) for each in client.get_container_client("data").list_blob_names()}


def test_busy_as_storage_says_it(strict: BlobServiceClient, faults: Faults) -> None:
    faults.add(blob.Throttle(where=at("busy")))
    with pytest.raises(HttpResponseError) as caught:
        put(strict, "busy")
    error: Any = caught.value
    assert (error.status_code, error.error_code) == (503, "ServerBusy")
    assert "The server is busy." in error.message
    assert names(strict).isdisjoint({"busy"})


ERRORS: dict[str, tuple[Rule, int, str]] = {
    "internal": (blob.Error(where=at("e-*")), 500, "InternalError"),
    "its own": (blob.Error(where=at("e-*"), status=403, code="AuthorizationFailure"), 403,
                "AuthorizationFailure"),
    "after the fact": (blob.Error(where=at("e-*"), code="OperationTimedOut", effect="after"), 500,
                       "OperationTimedOut"),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "status", "code"), ERRORS.values(), ids=ERRORS)
def test_any_error(
    strict: BlobServiceClient, faults: Faults, rule: Any, status: int, code: str
) -> None:
    faults.add(rule)
    name = f"e-{code}"
    with pytest.raises(HttpResponseError) as caught:
        put(strict, name)
    error: Any = caught.value
    assert (error.status_code, error.error_code) == (status, code)
    assert (name in names(strict)) == (rule.effect == "after")


AGAIN: dict[str, Rule] = {
    "busy": blob.Throttle(where=at("again-*"), times=3),
    "an error": blob.Error(where=at("again-*"), times=3),
    "cut before it took effect": blob.Drop(where=at("again-*"), times=3),
    "a silence": blob.Stall(where=at("again-*"), times=3, seconds=seconds(0.05)),
    "cut after it took effect": blob.Drop(where=at("again-*"), times=3, effect="after"),
}


@pytest.mark.parametrize("rule", AGAIN.values(), ids=AGAIN)
def test_the_sdk_asks_again(patient: BlobServiceClient, faults: Faults, rule: Rule) -> None:
    name = faults.add(rule)
    there = put(patient, f"again-{name}", b"x" * 100_000, overwrite=True)
    assert there.download_blob().readall() == b"x" * 100_000
    assert faults.tally(name).struck == 3


def test_a_condition_meets_its_own_lost_answer(
    azurite: Azurite, patient: BlobServiceClient, faults: Faults
) -> None:
    """What guards a record by its ETag must bear this."""
    faults.add(blob.Drop(where=at("once"), effect="after", times=1))
    with pytest.raises(ResourceExistsError):
        put(patient, "once", overwrite=False)
    assert "once" in names(patient)


@pytest.mark.parametrize("effect", ["before", "after"])
def test_an_event_tells_of_what_was_made_whoever_knows(
    azurite: Azurite, strict: BlobServiceClient, faults: Faults, effect: http.Effect
) -> None:
    faults.add(blob.Drop(where=at(f"event-{effect}"), effect=effect))
    with pytest.raises(ServiceResponseError):
        put(strict, f"event-{effect}")
    put(strict, f"event-{effect}-over")
    over = BlobCreated("data", f"event-{effect}-over")
    _until(lambda: over in azurite.heard)
    assert (BlobCreated("data", f"event-{effect}") in azurite.heard) == (effect == "after")


def test_latency_and_large_bodies(strict: BlobServiceClient, faults: Faults) -> None:
    name = faults.add(blob.Latency(where=blob.BlobWhere(blob="slow"), seconds=seconds(0.05)))
    content = bytes(range(256)) * 40_000
    there = put(strict, "slow", content)
    assert there.download_blob().readall() == content
    assert faults.tally(name).struck >= 2


def test_what_is_read_can_be_cut_too(patient: BlobServiceClient, faults: Faults) -> None:
    there = put(patient, "read", b"r" * 5_000)
    where = blob.BlobWhere(operation="GET blob", blob="read")
    name = faults.add(blob.Drop(where=where, effect="after", times=2))
    assert there.download_blob().readall() == b"r" * 5_000
    assert faults.tally(name).struck == 2


def test_the_stacks_own_reader_is_spared(azurite: Azurite, faults: Faults) -> None:
    name = faults.add(blob.Error())
    assert azurite.do(azurite.server.reader.containers()) == ["data"]
    assert faults.tally(name).matches == 0


def test_an_azurite_that_is_started_again_suffers_as_before(
    azurite: Azurite, patient: BlobServiceClient, faults: Faults
) -> None:
    pid = azurite.server.pid
    assert pid is not None
    psutil.Process(pid).kill()
    _until(lambda: azurite.server.pid not in (None, pid))
    name = faults.add(blob.Error(where=at("reborn"), times=1))
    put(patient, "reborn")
    assert faults.tally(name).struck == 1


def _until(true: Any) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
