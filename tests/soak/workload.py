"""The users: they ask for what the plan says, and ask again until they have an answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

from retrain.client import ApiError, Client, ClientError
from retrain.snapshot import take_snapshot
from shared.ports.files import CONTAINERS, DATA
from tests.flow.local_stack import job
from tests.soak.plan import Ask, Kind, Plan
from tests.soak.services import Services, now

log = logging.getLogger(__name__)

T = TypeVar("T")

MODEL: Final = "soak"
COMPUTE: Final = "soak-nodes"
#: So long somebody who gets no answer asks again, in seconds; longer than any outage.
STUBBORN: Final = 180.0
_AT_ONCE: Final = 24
_WHO: Final = 'echo "$AZUREML_RUN_ID $RETRAIN_ATTEMPT"'


@dataclass
class Asked:
    """What became of an ask. names: the runs that the API named, one for each answer.

    uploads: how often the file may have been made; distinct: how many contents it had.
    """

    ask: Ask
    names: list[str] = field(default_factory=list)
    path: str = ""
    uploads: int = 0
    distinct: int = 0
    refusals: list[str] = field(default_factory=list)


class Workload:
    """Works off the plan's asks, in threads. `asked` holds what became of each."""

    def __init__(self, plan: Plan, services: Services) -> None:
        self._plan = plan
        self._services = services
        self._http = httpx.Client(
            base_url=services.api,
            headers={"x-functions-key": services.keys.default},
            timeout=httpx.Timeout(30, connect=5),
            trust_env=False,
        )
        # Without the SDK's own tries, so that each upload is counted.
        self._blobs = BlobServiceClient.from_connection_string(services.blob, retry_total=0)
        self._snapshot = ""
        self.asked = [Asked(ask) for ask in plan.asks]

    def prepare(self) -> None:
        """Containers, schedules, the compute and the code: before anything goes wrong."""
        for container in CONTAINERS:
            again(lambda name=container: self._contain(name))  # type: ignore[misc]
        with self.client() as client:
            for schedule in _schedules():
                again(lambda document=schedule: client.create_schedule(document))  # type: ignore[misc]
            shared = {"name": COMPUTE, "type": "amlcompute", "size": "Standard_D2s_v3"}
            limits = {"min_instances": 0, "max_instances": 2, "idle_time_before_scale_down": 60}
            again(lambda: client.create_compute({**shared, **limits}))
            code = self._services.folder / "code"
            code.mkdir()
            (code / "main.sh").write_text(f"{_WHO}\n")
            with take_snapshot(code) as zipped:
                self._snapshot = again(lambda: client.ensure_snapshot(zipped))

    @contextmanager
    def client(self) -> Iterator[Client]:
        with Client(self._services.api, self._services.keys.default) as client:
            yield client

    def run(self, began: float) -> None:
        """Returns when every ask has its answer."""
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="user") as users:
            for asked in self.asked:
                time.sleep(max(0.0, began + asked.ask.at - now()))
                users.submit(self._safely, asked)

    def close(self) -> None:
        self._http.close()
        self._blobs.close()

    def _safely(self, asked: Asked) -> None:
        try:
            self._do(asked)
        except Exception as error:  # noqa: BLE001 - it is the soak's finding
            asked.refusals.append(f"{type(error).__name__}: {error}")

    def _do(self, asked: Asked) -> None:
        match asked.ask.kind:
            case "file" | "file twice" | "gathered":
                self._land(asked)
            case "twice":
                both = [
                    threading.Thread(target=self._submit, args=(asked, self._document(asked.ask)))
                    for _ in range(2)
                ]
                for one in both:
                    one.start()
                for one in both:
                    one.join()
            case _:
                self._submit(asked, self._document(asked.ask))
                self._cancel(asked)

    def _document(self, ask: Ask) -> dict[str, Any]:
        # A channel of its own makes it an environment of its own; nothing is downloaded.
        channel = f"soak-{self._plan.seed}-{ask.number}"
        conda = {"channels": [channel], "dependencies": ["python"]}
        built = {"image": "python:3.11-slim", "conda_file": conda}
        model = {"model": {"type": "custom_model", "name": MODEL}}
        special: dict[Kind, dict[str, Any]] = {
            "failing": {"command": f"{_WHO}; exit 3"},
            "sleeping": {"command": f"{_WHO}; sleep {ask.seconds:.2f}"},
            "cancelled": {"command": f"{_WHO}; sleep {ask.seconds:.2f}"},
            "model": {"command": f'{_WHO} > "$AZURE_ML_OUTPUT_model/who"', "outputs": model},
            "code": {"command": "sh main.sh", "code": self._snapshot},
            "shared": {"compute": f"azureml:{COMPUTE}"},
            "built": {"environment": built},
        }
        return {**job(_WHO), **special.get(ask.kind, {})}

    def _submit(self, asked: Asked, document: dict[str, Any]) -> None:
        key = f"soak-{self._plan.seed}-{asked.ask.number}"
        answer = self._post("/api/jobs", asked, document, {"Idempotency-Key": key})
        asked.names.append(answer["name"])

    def _cancel(self, asked: Asked) -> None:
        submitted = now()
        for after in asked.ask.cancels:
            time.sleep(max(0.0, submitted + after - now()))
            self._post(f"/api/jobs/{asked.names[0]}/cancel", asked, None, {})

    def _post(
        self, path: str, asked: Asked, document: dict[str, Any] | None, headers: dict[str, str]
    ) -> dict[str, Any]:
        until = now() + STUBBORN
        while True:
            try:
                response = self._http.post(path, json=document, headers=headers)
                if response.is_success:
                    answer: dict[str, Any] = response.json()
                    return answer
                said = f"{response.status_code} {response.text[:300]}"
                if response.status_code < 500 and response.status_code != 429:
                    raise RuntimeError(f"POST {path}: {said}")
            except httpx.TransportError as error:
                said = repr(error)
            if now() > until:
                raise RuntimeError(f"POST {path}: no answer in {STUBBORN} s, at last {said}")
            time.sleep(0.2)

    def _land(self, asked: Asked) -> None:
        folder = "gathered" if asked.ask.kind == "gathered" else "files"
        asked.path = f"{folder}/{self._plan.seed}-{asked.ask.number}.csv"
        self._upload(asked, "first")
        asked.distinct = 1
        if asked.ask.kind == "file twice":
            time.sleep(asked.ask.seconds)
            self._upload(asked, "first" if asked.ask.same else "second")
            asked.distinct += not asked.ask.same

    def _upload(self, asked: Asked, word: str) -> None:
        def upload() -> None:
            asked.uploads += 1
            self._blobs.get_blob_client(DATA, asked.path).upload_blob(
                f"{asked.path} {word}\n".encode(), overwrite=True
            )

        again(upload)

    def _contain(self, name: str) -> None:
        container = self._blobs.get_container_client(name)
        if not container.exists():
            container.create_container()


def again(do: Callable[[], T], seconds: float = STUBBORN) -> T:
    """Do it until it succeeds. Raises what it raised at last when it never does."""
    until = now() + seconds
    while True:
        try:
            return do()
        except (AzureError, ClientError, httpx.HTTPError) as error:
            if now() > until or (isinstance(error, ApiError) and error.status < 500):
                raise
        time.sleep(0.2)


def _schedules() -> Iterator[dict[str, Any]]:
    path = "${{trigger.path}}"
    rows = {"type": "uri_file", "path": path}
    yield {
        "name": "soak-files",
        "trigger": {"type": "data", "path": "files/*.csv"},
        "create_job": job("cat ${{inputs.rows}}", inputs={"rows": rows}),
    }
    paths = {"type": "uri_file", "path": "${{trigger.paths}}"}
    yield {
        "name": "soak-gathered",
        "trigger": {"type": "data", "path": "gathered/*.csv", "quiet_period": 2},
        "create_job": job("cat ${{inputs.rows}}", inputs={"rows": paths}),
    }


def below(folder: Path) -> list[Path]:
    """All that is in a folder; [] when it isn't there."""
    return sorted(folder.rglob("*")) if folder.exists() else []
