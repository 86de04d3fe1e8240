"""The emulator as tests use it: in a thread of this process, or in a process that can be killed."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from retrain.local.servicebus import ServiceBusServer, ServiceBusSettings, read_config
from retrain.local.servicebus.engine.namespace import Namespace

_Result = TypeVar("_Result")

#: Properties of the queues of Config.json, by name.
Queues = Mapping[str, Mapping[str, Any]]
#: Its topics, as the file has them.
Topics = Sequence[Mapping[str, Any]]


def write_config(folder: Path, queues: Queues, topics: Topics = ()) -> Path:
    """A Config.json that declares the queues and topics."""
    declared = [{"Name": name, "Properties": dict(terms)} for name, terms in queues.items()]
    namespace = {"Name": "tests", "Queues": declared, "Topics": list(topics)}
    document = {"UserConfig": {"Namespaces": [namespace]}}
    path = folder / "Config.json"
    path.write_text(json.dumps(document), "utf-8")
    return path


class Emulator:
    """A server and its event loop, in a thread; `do` runs a coroutine there."""

    def __init__(self, folder: Path, queues: Queues, topics: Topics = (), **terms: Any) -> None:
        config = read_config(write_config(folder, queues, topics))
        self._settings = ServiceBusSettings(data=folder / "data", port=0, config=config, **terms)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.server = ServiceBusServer(self._settings)

    @property
    def connection_string(self) -> str:
        return self.server.connection_string

    def do(self, work: Coroutine[Any, Any, _Result], timeout: float = 20) -> _Result:
        """The coroutine's result, out of the server's own event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def call(self, act: Callable[[Namespace], _Result]) -> _Result:
        """What comes of a call on the namespace, made in the server's own thread."""

        async def perform() -> _Result:
            result = act(self.server.namespace)
            self.server.commit()
            return result

        return self.do(perform())

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.do(self.server.start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.do(self.server.stop())
        finally:
            self._end()

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class EmulatorProcess:
    """`python -m retrain.local.servicebus`, which prints its connection string when it is ready."""

    def __init__(self, folder: Path, config: Path, port: int = 0, *options: str) -> None:
        command = [sys.executable, "-m", "retrain.local.servicebus", "--port", str(port)]
        command += ["--config", str(config), "--data", str(folder), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        found = None
        for line in self._process.stdout:
            found = next((word for word in line.split() if word.startswith("Endpoint=")), None)
            if found:
                break
        if found is None:
            self.terminate()
        assert found, "it ended before it printed a connection string"
        self.connection_string = found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.connection_string.split(":")[2].split(";")[0])

    def kill(self) -> None:
        """As if the machine's owner did `kill -9`."""
        self._process.kill()
        self._reap()

    def terminate(self) -> int:
        """As Ctrl-C and service managers do; gives the exit code."""
        self._process.terminate()
        return self._reap()

    def _reap(self) -> int:
        code = self._process.wait(10)
        if self._process.stdout:
            self._process.stdout.close()
        return code
