"""`python -m retrain.local.host`, as a person starts it, with an app as Microsoft teaches it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.storage.blob import BlobServiceClient

from tests.contract.host.stage import Stage, until

QUICKSTART = """
    import logging
    app = func.FunctionApp()

    @app.route(route="http_trigger", auth_level=func.AuthLevel.ANONYMOUS)
    def http_trigger(req: func.HttpRequest) -> func.HttpResponse:
        logging.info("Python HTTP trigger function processed a request.")
        return func.HttpResponse(f"Hello, {req.params.get('name')}.")

    @app.timer_trigger(schedule="* * * * * *", arg_name="myTimer", use_monitor=False)
    def timer_trigger(myTimer: func.TimerRequest) -> None:
        logging.info("Python timer trigger function executed.")

    @app.service_bus_queue_trigger(
        arg_name="azservicebus", queue_name="myqueue", connection="ServiceBusConnection"
    )
    @app.service_bus_topic_output(
        arg_name="news", topic_name="mytopic", connection="ServiceBusConnection"
    )
    def queue_trigger(azservicebus: func.ServiceBusMessage, news: func.Out[str]):
        logging.info("queue: %s", azservicebus.get_body().decode("utf-8"))
        news.set(azservicebus.get_body().decode("utf-8"))

    @app.service_bus_topic_trigger(
        arg_name="message", topic_name="mytopic", subscription_name="mysub",
        connection="ServiceBusConnection"
    )
    def topic_trigger(message: func.ServiceBusMessage):
        logging.info("topic: %s", message.get_body().decode("utf-8"))

    @app.blob_trigger(
        arg_name="myblob", path="samples-workitems/{name}", connection="AzureWebJobsStorage"
    )
    def blob_trigger(myblob: func.InputStream):
        logging.info("blob: %s, %s bytes", myblob.name, myblob.length)
"""


@dataclass
class Host:
    """A host in a process of its own; `said` and `logged` grow while it runs."""

    process: "subprocess.Popen[str]"
    said: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    def after(self, word: str) -> str:
        """The rest of the line that begins with `word`; waits for it."""
        until(lambda: self.process.poll() is not None or self._found(word), word, 60)
        assert self._found(word), self.logged
        return self._found(word)[0]

    def _found(self, word: str) -> list[str]:
        return [line.removeprefix(word) for line in self.said if line.startswith(word)]


@contextmanager
def running(*arguments: str) -> Iterator[Host]:
    """A host until the block ends; Ctrl-C ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "retrain.local.host", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    host = Host(process)
    readers = [
        threading.Thread(target=lambda: host.said.extend(map(str.rstrip, process.stdout or ()))),
        threading.Thread(target=lambda: host.logged.extend(map(str.rstrip, process.stderr or ()))),
    ]
    for reader in readers:
        reader.start()
    try:
        yield host
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        for reader in readers:
            reader.join()
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()


def test_it_runs_until_ctrl_c(stage: Stage, client: httpx.Client, tmp_path: Path) -> None:
    root = stage.app("app = func.FunctionApp()\n@app.route('hello')\ndef hello(req): return 'hi'")
    with running("--root", str(root), "--data", str(tmp_path / "data")) as host:
        url, key = host.after("Functions: "), host.after("key: ")
        assert client.get(f"{url}/hello", headers={"x-functions-key": key}).text == "hi"
        host.after("Ctrl-C")
    assert host.process.returncode == 0
    assert f"  hello: [any method] {url}/hello" in host.said


def test_an_app_as_in_the_quickstart_needs_nothing_else(
    stage: Stage, client: httpx.Client, tmp_path: Path
) -> None:
    root = stage.app(QUICKSTART, {"version": "2.0"})
    ports = ("--servicebus-port", "0", "--blob-port", "0")
    with running("--root", str(root), "--data", str(tmp_path / "data"), *ports) as host:
        url = host.after("Functions: ")
        assert client.get(f"{url}/api/http_trigger?name=me").text == "Hello, me."
        with (
            ServiceBusClient.from_connection_string(host.after("Service Bus: ")) as bus,
            bus.get_queue_sender("myqueue") as sender,
        ):
            sender.send_messages(ServiceBusMessage("hello"))
        with BlobServiceClient.from_connection_string(host.after("Blob Storage: ")) as blobs:
            blobs.get_blob_client("samples-workitems", "a.txt").upload_blob(b"abc")
        for line in (
            "Python HTTP trigger function processed a request.",
            "Python timer trigger function executed.",
            "queue: hello",
            "topic: hello",
            "blob: samples-workitems/a.txt, 3 bytes",
        ):
            until(lambda line=line: [one for one in host.logged if line in one], line)  # type: ignore[misc]
    assert host.process.returncode == 0
    assert not [line for line in host.logged if "Traceback" in line]


def test_a_queue_that_new_code_asks_for_is_made(stage: Stage, tmp_path: Path) -> None:
    source = """
        import logging
        app = func.FunctionApp()

        @app.service_bus_queue_trigger("msg", "S", "{queue}", is_sessions_enabled={sessions})
        def bus(msg): logging.info("it came from {queue}")
    """

    def write(queue: str, sessions: bool) -> Path:
        text = source.replace("{queue}", queue).replace("{sessions}", str(sessions))
        return stage.app(text, {"version": "2.0"})

    root = write("first", sessions=False)
    data = str(tmp_path / "data")
    with running("--root", str(root), "--data", data, "--servicebus-port", "0", "--watch") as host:
        connection = host.after("Service Bus: ")
        host.after("Ctrl-C")
        write("second", sessions=True)
        host.after("Reloaded: 1 function.")
        with (
            ServiceBusClient.from_connection_string(connection) as bus,
            bus.get_queue_sender("second") as sender,
        ):
            sender.send_messages(ServiceBusMessage("hello", session_id="a"))
        until(lambda: [line for line in host.logged if "it came from second" in line])
        write("second", sessions=False)
        host.after("'second' has sessions, from an earlier start")
    assert host.process.returncode == 0


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    with running("--root", str(tmp_path), "--data", str(tmp_path / "data")) as host:
        host.process.wait(60)
    assert (host.process.returncode, host.said) == (1, [])
    assert len(host.logged) == 1
    assert host.logged[0].startswith(f"There is no {tmp_path}/host.json. Write one; at least: ")


def test_a_taken_port_is_one_line_too(stage: Stage, tmp_path: Path) -> None:
    root = stage.app("app = func.FunctionApp()")
    port = str(stage.host_at(root).port)
    data = str(tmp_path / "data")
    with running("--root", str(root), "--data", data, "--port", port) as host:
        host.process.wait(60)
    assert host.process.returncode == 1
    assert host.logged[-1].startswith(f"The Functions host can't listen on 127.0.0.1:{port}: ")


def test_two_hosts_never_share_a_folder(stage: Stage, tmp_path: Path) -> None:
    root, data = stage.app("app = func.FunctionApp()", {"version": "2.0"}), tmp_path / "data"
    words = ("--root", str(root), "--data", str(data), "--port", "0")
    with running("--root", str(root), "--data", str(data)) as host:
        host.after("Ctrl-C")
        ended = subprocess.run(
            [sys.executable, "-m", "retrain.local.host", *words],
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Another Functions host uses the data folder {data / 'host'}.")
