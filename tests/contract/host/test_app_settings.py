"""What an app is told from outside: settings, what is switched off, what nobody registered."""

import json
import os
from typing import Any

import httpx
import pytest

from retrain.local.host import AppRefused
from tests.contract.host.queue_twin import QueueTwin
from tests.contract.host.stage import Stage, until

ASKS = """
    import os
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    AT_IMPORT = os.environ.get("RETRAIN_TEST_WHO", "nobody")

    @app.route("%RETRAIN_TEST_ROUTE%")
    def who(req): return f"{AT_IMPORT} {os.environ['RETRAIN_TEST_WHO']}"
"""


def write(stage: Stage, content: Any) -> None:
    (stage.folder / "app").mkdir(exist_ok=True)
    (stage.folder / "app" / "local.settings.json").write_text(json.dumps(content))


def test_local_settings_are_the_environment(stage: Stage, client: httpx.Client) -> None:
    values = {"RETRAIN_TEST_WHO": "me", "RETRAIN_TEST_ROUTE": "who"}
    write(stage, {"IsEncrypted": False, "Values": values, "Host": {"CORS": "*"}})
    host = stage.host(ASKS)
    assert client.get(f"{host.url}/who").text == "me me"
    stage.stop(host)
    assert "RETRAIN_TEST_WHO" not in os.environ


def test_what_the_environment_has_already_stays(
    stage: Stage, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(stage, {"Values": {"RETRAIN_TEST_WHO": "the file", "RETRAIN_TEST_ROUTE": "file"}})
    monkeypatch.setenv("RETRAIN_TEST_WHO", "the shell")
    host = stage.host(ASKS, environment={"RETRAIN_TEST_ROUTE": "given"})
    assert client.get(f"{host.url}/given").text == "the shell the shell"


BAD_SETTINGS = {
    "no object": ([], 'must be an object with "Values"'),
    "encrypted": ({"IsEncrypted": True, "Values": {"a": "b"}}, "is encrypted"),
    "a value that is no text": ({"Values": {"COUNT": 1}}, "COUNT must be a text, not 1"),
}


@pytest.mark.parametrize(("content", "message"), BAD_SETTINGS.values(), ids=BAD_SETTINGS)
def test_local_settings_that_are_none(stage: Stage, content: Any, message: str) -> None:
    write(stage, content)
    with pytest.raises(AppRefused, match=message):
        stage.host(ASKS)


SOME = """
    app = func.FunctionApp(http_auth_level="ANONYMOUS")

    @app.route("one")
    def one(req): return "one"

    @app.route("two")
    def two(req): return "two"

    @app.timer_trigger(schedule="* * * * * *", arg_name="timer")
    def ticks(timer): pass

    @app.service_bus_queue_trigger("msg", "S", "q")
    def bus(msg): pass
"""


def test_a_function_that_is_switched_off_is_not_there_but_for_the_master_key(
    stage: Stage, client: httpx.Client
) -> None:
    queue = QueueTwin()
    off = {f"AzureWebJobs.{name}.Disabled": "true" for name in ("one", "bus")}
    host = stage.host(
        SOME,
        listeners=lambda _: queue,
        environment={**off, "AzureWebJobs_ticks_Disabled": "1"},
    )
    assert client.get(f"{host.url}/one").status_code == 404
    master = {"x-functions-key": host.keys.master}
    assert client.get(f"{host.url}/one", headers=master).text == "one"
    assert client.get(f"{host.url}/two").text == "two"

    async def put() -> None:
        queue.put(b"x")

    stage.run(put())
    call = f"{host.url}/admin/functions"
    assert client.post(f"{call}/bus", headers=master, json={}).status_code == 202
    until(lambda: host.invocations["bus", "succeeded"] == 1)
    assert len(queue.waiting) == 1
    assert host.invocations["ticks", "succeeded"] == 0
    listed = {one["name"]: one["isDisabled"] for one in client.get(call, headers=master).json()}
    assert listed == {"bus": True, "one": True, "ticks": True, "two": False}


def test_host_json_may_name_the_functions_that_run(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(SOME, {"version": "2.0", "functions": ["two"]})
    assert [function.name for function in host.functions] == ["two"]
    assert client.get(f"{host.url}/api/one").status_code == 404


def test_a_blueprint_nobody_registers_vanishes_and_is_told_of(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    host = stage.host(
        """
        app = func.FunctionApp()
        forgotten, known = func.Blueprint(), func.Blueprint()

        @forgotten.route("a")
        def a(req): pass

        @known.route("b")
        def b(req): pass

        app.register_functions(known)
        """
    )
    assert [function.name for function in host.functions] == ["b"]
    assert "'forgotten' of function_app has 1 functions and is not registered" in caplog.text
    assert "'known'" not in caplog.text


def test_no_functions_at_all_are_no_fault(stage: Stage, client: httpx.Client) -> None:
    host = stage.host("app = func.FunctionApp()")
    assert client.get(f"{host.url}/anything").status_code == 404
    assert client.get(host.url).status_code == 200  # the real host's front page
