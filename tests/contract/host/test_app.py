"""What the real host would refuse is refused, by name; and loading leaves nothing behind."""

import os
import sys
import uuid
from pathlib import Path

import httpx
import pytest

from retrain.local.host import AppRefused
from tests.contract.host.stage import Stage

ONE = "app = func.FunctionApp()\n"

REFUSED = {
    "no app": ("x = 1", "0 function apps"),
    "two apps": (ONE + "other = func.FunctionApp()", "2 function apps"),
    "an import that fails": (
        "import no_such_module",
        r"can't be imported.*no_such_module.*function_app\.py:2\)\. Install it",
    ),
    "no trigger": (ONE + "@app.function_name('x')\ndef f(): pass", "does not have a trigger"),
    "two of one name": (
        ONE + "@app.route('a')\ndef f(req): pass\n"
        "@app.function_name('f')\n@app.route('b')\ndef g(req): pass",
        "f.*unique|unique.*f",
    ),
    "names that differ in case": (
        ONE + "@app.route('a')\ndef f(req): pass\n@app.route('b')\ndef F(req): pass",
        "Two functions are named",
    ),
    "a binding name with an underscore": (
        ONE + "@app.timer_trigger(schedule='* * * * *', arg_name='my_timer')\n"
        "def f(my_timer): pass",
        "The binding name my_timer is invalid.*letters and digits only",
    ),
    "a binding name twice": (
        ONE + "@app.route('a', trigger_arg_name='x')\n"
        "@app.service_bus_queue_output('X', 'S', 'q')\ndef f(x, X): pass",
        "Multiple bindings with name '[xX]' discovered|unique",
    ),
    "a reserved route": (
        ONE + "@app.route('admin/x')\ndef f(req): pass",
        "The specified route conflicts with one or more built in routes",
    ),
    "a route that begins like a reserved one": (
        ONE + "@app.route('Runtimes')\ndef f(req): pass",
        "The specified route conflicts with one or more built in routes",
    ),
    "a route that is taken": (
        ONE + "@app.route('a/{x}')\ndef f(req): pass\n@app.route('/A/{X}/')\ndef g(req): pass",
        "'g': The route specified conflicts with the route defined by function 'f'",
    ),
    "a route that is taken for one method": (
        ONE + "@app.route('a', methods=['GET', 'PUT'])\ndef f(req): pass\n"
        "@app.route('a', methods=['PUT'])\ndef g(req): pass",
        "'g': The route specified conflicts with the route defined by function 'f'",
    ),
    "a route nobody understands": (ONE + "@app.route('a{b')\ndef f(req): pass", "'a{b'"),
    "an unknown constraint": (ONE + "@app.route('{b:foo}')\ndef f(req): pass", "'foo'"),
    "a trigger we have not": (
        ONE + "@app.queue_trigger('msg', 'q', 'S')\ndef f(msg): pass",
        "no queueTrigger.*'msg'",
    ),
    "a binding we have not": (
        ONE + "@app.route('a')\n@app.blob_output('out', 'data/x', 'S')\ndef f(req, out): pass",
        "'f', binding 'out'.*blob",
    ),
    "a setting that is not set": (
        ONE + "@app.timer_trigger(schedule='%WHEN%', arg_name='t')\ndef f(t): pass",
        "'f', binding 't': the setting WHEN is not set",
    ),
    "a schedule that is none": (
        ONE + "@app.timer_trigger(schedule='whenever', arg_name='t')\ndef f(t): pass",
        "'f': the schedule 'whenever' has 1 fields",
    ),
    "a parameter nobody fills": (ONE + "@app.route('a')\ndef f(req, more): pass", "more"),
    "a binding nobody takes": (ONE + "@app.route('a')\ndef f(): pass", "req"),
    "a blob path that is none": (
        ONE + "@app.blob_trigger(arg_name='b', path='data', connection='S')\ndef f(b): pass",
        "the blob path 'data'|without Blob Storage",
    ),
    "a queue without Service Bus": (
        ONE + "@app.service_bus_queue_trigger('m', 'S', 'q')\ndef f(m): pass",
        "'q'.*without Service Bus",
    ),
    "an output without Service Bus": (
        ONE + "@app.route('a')\n@app.service_bus_queue_output('out', 'S', 'q')\n"
        "def f(req, out): pass",
        "'out' sends to Service Bus",
    ),
}


@pytest.mark.parametrize(("source", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(stage: Stage, source: str, message: str) -> None:
    with pytest.raises(AppRefused, match=f"(?s){message}"):
        stage.host(source)
    assert "function_app" not in sys.modules


def test_missing_files(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(AppRefused, match=r"There is no .*host\.json"):
        stage.host_at(tmp_path)
    (tmp_path / "host.json").write_text("{")
    with pytest.raises(AppRefused, match="not JSON"):
        stage.host_at(tmp_path)
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    with pytest.raises(AppRefused, match=r"There is no .*function_app\.py"):
        stage.host_at(tmp_path)


def test_two_apps_after_each_other_share_nothing(stage: Stage, tmp_path: Path) -> None:
    path, modules = list(sys.path), set(sys.modules)
    for name in ("first", "second"):
        root = stage.app(
            f"""
            import os
            import rooms
            assert rooms.NAME == "{name}" == os.environ["RETRAIN_TEST_NAME"]
            app = func.FunctionApp()

            @app.function_name("{name}")
            @app.route("x")
            def f(req): pass
            """,
        )
        (root / "rooms.py").write_text(f"NAME = '{name}'  # {len(name) * '.'}")
        host = stage.host_at(root, environment={"RETRAIN_TEST_NAME": name})
        assert [function.name for function in host.functions] == [name]
        stage.stop(host)
    assert sys.path == path
    assert "RETRAIN_TEST_NAME" not in os.environ
    assert {"function_app", "rooms"}.isdisjoint(set(sys.modules) - modules)


def test_an_app_is_imported_on_the_loop(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(
        """
        import asyncio
        app = func.FunctionApp(http_auth_level="ANONYMOUS")
        loop = asyncio.get_running_loop()

        @app.route("same")
        async def same(req): return str(asyncio.get_running_loop() is loop)
        """
    )
    assert client.get(f"{host.url}/same").text == "True"


def test_what_a_function_may_ask_about_its_invocation(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(
        """
        app = func.FunctionApp(http_auth_level="ANONYMOUS")

        def told(context):
            local = context.thread_local_storage.invocation_id
            return "|".join([context.function_name, context.function_directory,
                             str(local == context.invocation_id), context.invocation_id,
                             str(context.retry_context.retry_count)])

        @app.route("sync")
        def sync(req, context: func.Context): return told(context)

        @app.function_name("other_name")
        @app.route("on_loop")
        async def on_loop(req, context): return told(context)
        """
    )
    root = str(stage.folder / "app")
    ids = set()
    for route, name in (("sync", "sync"), ("on_loop", "other_name")):
        *told, invocation, count = client.get(f"{host.url}/{route}").text.split("|")
        assert (told, count) == ([name, root, "True"], "0")
        ids.add(uuid.UUID(invocation))
    assert len(ids) == 2
