"""HTTP functions, over real HTTP."""

import concurrent.futures
import stat
from pathlib import Path

import httpx
import pytest

from retrain.local.host import AppRefused
from tests.contract.host.stage import Stage

ECHO = """
    app = func.FunctionApp()

    @app.function_name("b_echo")
    @app.route("echo/{name}/{page:int?}", methods=["GET", "POST"])
    def echo(req: func.HttpRequest) -> func.HttpResponse:
        import json
        seen = dict(method=req.method, url=req.url, params=dict(req.params),
                    route=dict(req.route_params), header=req.headers.get("X-Twice"),
                    body=req.get_body().decode())
        return func.HttpResponse(json.dumps(seen), status_code=201, mimetype="application/json")

    @app.function_name("a_fixed")
    @app.route("echo/fixed", auth_level=func.AuthLevel.ANONYMOUS)
    async def fixed(req: func.HttpRequest) -> str:
        return "fixed"

    @app.route("keys/admin", auth_level=func.AuthLevel.ADMIN)
    def admin(req): return "master"

    @app.route("keys/anybody", auth_level=func.AuthLevel.ANONYMOUS)
    def anybody(req): return None

    @app.route("cookies", auth_level="ANONYMOUS")
    def cookies(req):
        response = func.HttpResponse(b"bytes", headers={"X-One": "1"})
        response.headers.add("Set-Cookie", "a=1")
        response.headers.add("Set-Cookie", "b=2")
        return response

    @app.route("fails", auth_level="ANONYMOUS")
    def fails(req): raise RuntimeError("a secret")

    @app.route("number", auth_level="ANONYMOUS")
    def number(req): return 7

    @app.route("size", auth_level="ANONYMOUS", methods=["PUT"])
    def size(req): return str(len(req.get_body()))
"""


def test_the_request_is_what_the_worker_makes_of_it(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(ECHO)
    answer = client.post(
        f"{host.url}/ECHO/%C3%BC%20x/7?q=1&q=2&empty=",
        headers=[("x-functions-key", host.keys.default), ("x-twice", "a"), ("x-twice", "b")],
        content="body",
    )
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert answer.json() == {
        "method": "POST",
        "url": f"{host.url}/ECHO/%C3%BC%20x/7?q=1&q=2&empty=",
        "params": {"q": "1,2", "empty": ""},
        "route": {"name": "ü x", "page": "7"},
        "header": "a,b",
        "body": "body",
    }
    assert host.invocations["b_echo", "succeeded"] == 1


def test_routes_are_tried_by_function_name_and_by_method(
    stage: Stage, client: httpx.Client
) -> None:
    host = stage.host(ECHO)
    code = {"x-functions-key": host.keys.default}
    assert client.get(f"{host.url}/echo/fixed").text == "fixed"  # a_fixed sorts before b_echo
    assert client.put(f"{host.url}/echo/other", headers=code).status_code == 404
    assert client.get(f"{host.url}/echo/name/nonumber", headers=code).status_code == 404
    assert client.get(f"{host.url}/nothing", headers=code).status_code == 404


KEYS = {
    "none": ("echo/x", {}, "", 401),
    "wrong": ("echo/x", {"x-functions-key": "wrong"}, "", 401),
    "default": ("echo/x", {"x-functions-key": "default"}, "", 201),
    "in the query": ("echo/x", {}, "?code=default", 201),
    "the header wins": ("echo/x", {"x-functions-key": "wrong"}, "?code=default", 401),
    "master opens all": ("echo/x", {"x-functions-key": "master"}, "", 201),
    "default is no master": ("keys/admin", {"x-functions-key": "default"}, "", 401),
    "master": ("keys/admin", {"x-functions-key": "master"}, "", 200),
    "anonymous": ("keys/anybody", {}, "", 204),
}


@pytest.mark.parametrize(("path", "headers", "query", "status"), KEYS.values(), ids=KEYS)
def test_keys(
    stage: Stage,
    client: httpx.Client,
    path: str,
    headers: dict[str, str],
    query: str,
    status: int,
) -> None:
    host = stage.host(ECHO)
    real = {"default": host.keys.default, "master": host.keys.master}
    headers = {name: real.get(value, value) for name, value in headers.items()}
    query = query.replace("default", host.keys.default)
    answer = client.get(f"{host.url}/{path}{query}", headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.content == b""


def test_keys_are_kept_for_their_owner_only(stage: Stage, tmp_path: Path) -> None:
    first = stage.host(ECHO)
    stage.stop(first)
    assert stage.host(ECHO).keys == first.keys
    assert stat.S_IMODE((tmp_path / "host" / "keys.json").stat().st_mode) == 0o600


def test_responses(stage: Stage, client: httpx.Client, caplog: pytest.LogCaptureFixture) -> None:
    host = stage.host(ECHO)
    cookies = client.get(f"{host.url}/cookies")
    assert cookies.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert (cookies.text, cookies.headers["x-one"]) == ("bytes", "1")
    assert cookies.headers["content-type"] == "text/plain; charset=utf-8"
    failed = client.get(f"{host.url}/fails")
    assert (failed.status_code, failed.content) == (500, b"")
    assert "a secret" in caplog.text
    assert "fails failed" in caplog.text
    assert client.get(f"{host.url}/number").status_code == 500
    assert client.head(f"{host.url}/cookies").status_code == 200


def test_bodies_have_a_limit(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(ECHO, max_body_bytes=1000)
    assert client.put(f"{host.url}/size", content=b"x" * 1000).text == "1000"
    assert client.put(f"{host.url}/size", content=b"x" * 1001).status_code == 413
    chunks = (b"x" * 400 for _ in range(3))
    assert client.put(f"{host.url}/size", content=chunks).status_code == 413
    assert client.put(f"{host.url}/size", content=b"").text == "0"


ASGI = """
    from contextlib import asynccontextmanager
    from fastapi import FastAPI, Request
    from pathlib import Path

    @asynccontextmanager
    async def life(api):
        api.state.up = True
        yield
        Path(__file__).with_name("ended").touch()

    api = FastAPI(lifespan=life)

    @api.get("/api/health")
    def health(request: Request):
        name = request.scope["azure_functions.function_name"]
        return {"up": request.app.state.up, "function": name}

    @api.post("/api/items/{item:path}")
    async def item(item: str, request: Request, page: int = 1):
        return {"item": item, "page": page, "body": await request.json()}

    app = func.AsgiFunctionApp(app=api, http_auth_level=func.AuthLevel.ANONYMOUS)
"""


def test_fastapi_lives_behind_the_catch_all(
    stage: Stage, client: httpx.Client, tmp_path: Path
) -> None:
    host = stage.host(ASGI)
    health = client.get(f"{host.url}/api/health")
    assert health.json() == {"up": True, "function": "http_app_func"}
    item = client.post(f"{host.url}/api/items/a/%C3%BC?page=2", json=[1])
    assert item.json() == {"item": "a/ü", "page": 2, "body": [1]}
    assert client.post(f"{host.url}/api/items/a", content="no json").status_code == 500
    assert client.get(f"{host.url}/openapi.json").status_code == 200
    assert client.get(f"{host.url}/elsewhere").json() == {"detail": "Not Found"}
    stage.stop(host)
    assert (tmp_path / "app" / "ended").exists()


def test_fastapi_needs_an_empty_prefix_as_in_azure(stage: Stage) -> None:
    with pytest.raises(AppRefused, match="routePrefix"):
        stage.host(ASGI, {"version": "2.0"})


def test_a_function_that_blocks_stops_no_other(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(
        """
        import threading, time
        app = func.FunctionApp(http_auth_level="ANONYMOUS")
        released = threading.Event()

        @app.route("blocks")
        def blocks(req): return str(released.wait(20))

        @app.route("blocks_the_loop")
        async def blocks_the_loop(req): return str(released.wait(20))

        @app.route("releases")
        def releases(req): released.set(); return "done"
        """
    )
    with httpx.Client(timeout=20) as other, concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = [
            pool.submit(other.get, f"{host.url}/{name}") for name in ("blocks", "blocks_the_loop")
        ]
        assert client.get(f"{host.url}/releases").text == "done"
        assert [one.result().text for one in waiting] == ["True", "True"]


def test_a_taken_port_is_named(stage: Stage) -> None:
    host = stage.host(ECHO)
    with pytest.raises(OSError, match=rf"can't listen on 127.0.0.1:{host.port}.*choose another"):
        stage.host(ECHO, port=host.port)
