"""The stack's services, each a process as a person starts it, so that each can be killed alone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from retrain.local.azurite.rest import ACCOUNT, KEY
from retrain.local.batch.settings import DEFAULT_KEY
from retrain.local.host.keys import keep_keys
from retrain.local.stack import QUEUES, webhook_secret
from tests.flow.local_stack import eventually, is_free
from tests.soak.plan import SERVICES, Service

ROOT: Final = Path(__file__).parents[2]
BATCH_ACCOUNT: Final = "retrainlocal"
#: Of a message that a killed host held: it comes again when its lock has run out.
LOCK_SECONDS: Final = 10
#: Interval of Batch's autoscaling, which in Azure is five minutes.
BATCH_SPEED: Final = 60
START_SECONDS: Final = 120.0
#: Beyond those of the other tests' stacks, and below those that the system gives to connections.
_FIRST_PORT: Final = 26_000
_STRUCK: Final = re.compile(r"fault ([\w-]+) \(")
_BUS_KEY: Final = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE"


@dataclass
class Process:
    """One service. It has the same port and folder in each of its lives."""

    name: Service
    words: list[str]
    port: int
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    lives: int = 0

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *self.words],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=self.environment,
                cwd=ROOT,
            )
        self.lives += 1

    def until_ready(self) -> None:
        """Raises AssertionError with the log's end when it does not come."""
        eventually(lambda: self.died or self._answers(), START_SECONDS)
        if self.died or not self._answers():
            raise AssertionError(f"{self.name} did not start: {self.last_words()}")

    @property
    def died(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def kill(self) -> None:
        """kill -9, and its burial."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def kill_child(self) -> None:
        """kill -9 of what it runs as its child."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children():
            child.kill()

    def stop(self) -> int:
        """Ctrl-C; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(START_SECONDS)

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def _answers(self) -> bool:
        if self.name == "host":
            try:
                return httpx.get(
                    f"http://127.0.0.1:{self.port}/api/health", trust_env=False
                ).is_success
            except httpx.HTTPError:
                return False
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@dataclass
class Services:
    """All five below one folder. patience: the watch's, in seconds; Retrain's own is 120."""

    folder: Path
    faults: dict[str, Any]
    patience: float = 120.0
    all: dict[Service, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.temporary).mkdir(exist_ok=True)
        names = (*SERVICES, "batch faults", "servicebus faults", "blob faults")
        self.ports = dict(zip(names, _ports(len(names)), strict=True))
        self.keys = keep_keys(self.folder / "host" / "host" / "keys.json").now
        self._faults = self.folder / "faults.json"
        self._faults.write_text(json.dumps(self.faults))  # JSON is YAML
        self._queues = self.folder / "queues.json"
        self._queues.write_text(
            QUEUES.read_text().replace('"PT1M"', f'"PT{LOCK_SECONDS}S"'),
        )
        for name in SERVICES:
            self.all[name] = Process(
                name,
                self._words(name),
                self.ports[name],
                self.folder / f"{name}.log",
                {**os.environ, "TMPDIR": str(self.temporary), **self._settings()},
            )

    @property
    def temporary(self) -> Path:
        """Whatever uses the system's folder for temporary files uses this one."""
        return self.folder / "temporary"

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.ports['host']}"

    @property
    def blob(self) -> str:
        url = f"http://127.0.0.1:{self.ports['azurite']}/{ACCOUNT}"
        return (
            f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};"
            f"BlobEndpoint={url};"
        )

    @property
    def servicebus(self) -> str:
        endpoint = f"Endpoint=sb://127.0.0.1:{self.ports['servicebus']}"
        return f"{endpoint};{_BUS_KEY};UseDevelopmentEmulator=true"

    @property
    def batch(self) -> str:
        return f"http://127.0.0.1:{self.ports['batch']}"

    def start(self) -> None:
        for service in self.all.values():
            service.start()
        for service in self.all.values():
            service.until_ready()

    def stop(self) -> dict[Service, int]:
        """Ctrl-C to each, the host first; the exit codes."""
        return {name: self.all[name].stop() for name in reversed(SERVICES)}

    def kill(self) -> None:
        for service in self.all.values():
            service.kill()

    def calm(self) -> None:
        """No more faults, in this life of the emulators nor the next."""
        self._faults.write_text(json.dumps({**self.faults, "rules": []}))
        for name in ("batch", "servicebus", "blob"):
            url = f"http://127.0.0.1:{self.ports[f'{name} faults']}/faults"
            # One that has just been started opens its control endpoint last.
            assert eventually(lambda url=url: _deleted(url)), f"{name} takes no orders"  # type: ignore[misc]

    def processes(self) -> Iterator[psutil.Process]:
        """What on this machine belongs to this folder, by its command, place or environment."""
        mine = str(self.folder)
        own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        for process in psutil.process_iter():
            try:
                known = [*process.cmdline(), process.cwd(), *process.environ().values()]
            except psutil.Error:
                continue
            if process.pid not in own and any(mine in word for word in known):
                yield process

    def struck(self) -> dict[str, int]:
        """How often each fault struck, by what the emulators wrote in their logs."""
        counted: Counter[str] = Counter()
        for service in self.all.values():
            counted.update(_STRUCK.findall(service.log.read_text(errors="replace")))
        return dict(counted)

    def _words(self, name: Service) -> list[str]:
        data, port = self.folder / name, ("--port", str(self.ports[name]))
        common = [f"retrain.local.{name}", "--data", str(data), *port]
        match name:
            case "servicebus":
                return [*common, "--config", str(self._queues), *self._suffers("servicebus")]
            case "azurite":
                hook = f"{self.api}/runtime/webhooks/blobs?code={self.keys.master}"
                told = ("--webhook", hook, "--webhook-containers", "data,outputs")
                return [*common, *told, *self._suffers("blob")]
            case "images":
                return [*common, "--engine", "none"]
            case "batch":
                environments = str(self.folder / "images" / "environments")
                speed = ("--engine", "none", "--speed", str(BATCH_SPEED))
                return [*common, *speed, "--environments", environments, *self._suffers("batch")]
            case "host":
                common[0] = "tests.soak.host"
                places = ("--servicebus", self.servicebus, "--blob", self.blob)
                return [*common, "--root", str(ROOT), *places, "--patience", str(self.patience)]

    def _suffers(self, name: str) -> list[str]:
        return ["--faults", str(self._faults), "--control-port", str(self.ports[f"{name} faults"])]

    def _settings(self) -> dict[str, str]:
        """What `retrain up` sets for the app."""
        return {
            "RETRAIN_URL": self.api,
            "RETRAIN_STORAGE": self.blob,
            "RETRAIN_SERVICEBUS": self.servicebus,
            "RETRAIN_BATCH": self.batch,
            "RETRAIN_BATCH_ACCOUNT": BATCH_ACCOUNT,
            "RETRAIN_BATCH_KEY": DEFAULT_KEY,
            "RETRAIN_IMAGES": f"http://127.0.0.1:{self.ports['images']}",
            "RETRAIN_WATCH": "*/5 * * * * *",
            "RETRAIN_WEBHOOK_SECRET": webhook_secret(self.folder / "webhook.secret"),
            "RETRAIN_WEBHOOK_PRIVATE": "true",
            "PYTHON_THREADPOOL_THREAD_COUNT": "32",
        }


def _ports(count: int) -> list[int]:
    """Free ones, of a range of this process's own: each may be without a listener for a while, and
    another stack that is starting on this machine must not take it then."""
    mine = _FIRST_PORT + os.getpid() % 500 * 10
    return [port for port in range(mine, mine + 1000) if is_free(port)][:count]


def _deleted(url: str) -> bool:
    try:
        return httpx.delete(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def now() -> float:
    return time.monotonic()
