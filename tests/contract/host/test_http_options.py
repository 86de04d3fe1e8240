"""extensions.http: how many requests, which headers; and the methods a route has."""

import concurrent.futures

import httpx
import pytest

from tests.contract.host.stage import Stage, until

APP = """
    import builtins, threading
    app = func.FunctionApp(http_auth_level="ANONYMOUS")
    go_on = builtins.retrain_test_go_on
    running = builtins.retrain_test_running

    @app.route("waits")
    def waits(req):
        running.append(req.params["n"])
        go_on.wait(20)
        return "done"

    @app.route("reads", methods=["GET", "POST"])
    def reads(req): return req.method

    @app.route("any")
    def any_method(req): return req.method

    @app.route("items/{id:int}/{rest?}")
    def item(req): return f"{dict(req.route_params)}"

    @app.route("prices/{price:decimal}")
    def price(req): return req.route_params["price"]

    @app.route("files/{**path}")
    def files(req): return req.route_params.get("path", "none")
"""


class Web:
    """The app with these options of extensions.http, and what runs in it."""

    def __init__(self, stage: Stage, **options: object) -> None:
        import builtins
        import threading

        self.go_on = threading.Event()
        self.running: list[str] = []
        builtins.retrain_test_go_on = self.go_on  # type: ignore[attr-defined]
        builtins.retrain_test_running = self.running  # type: ignore[attr-defined]
        content = {"version": "2.0", "extensions": {"http": {"routePrefix": "", **options}}}
        self.url = stage.host(APP, content).url


def test_more_than_may_be_outstanding_is_refused_at_once(stage: Stage) -> None:
    web = Web(stage, maxOutstandingRequests=3, maxConcurrentRequests=2)
    with (
        httpx.Client(trust_env=False, timeout=20) as client,
        concurrent.futures.ThreadPoolExecutor(4) as pool,
    ):
        running = [pool.submit(client.get, f"{web.url}/waits?n={n}") for n in range(2)]
        until(lambda: len(web.running) == 2)
        more = [pool.submit(client.get, f"{web.url}/waits?n={n}") for n in range(2, 4)]
        until(lambda: any(one.done() for one in more))
        refused, waits = sorted(more, key=lambda one: not one.done())
        assert refused.result().status_code == 429
        assert len(web.running) == 2
        web.go_on.set()
        assert [one.result().text for one in (*running, waits)] == ["done"] * 3
        assert client.get(f"{web.url}/reads").text == "GET"


def test_custom_headers_are_on_every_answer(stage: Stage, client: httpx.Client) -> None:
    web = Web(stage, customHeaders={"X-Content-Type-Options": "nosniff"}, hsts={"isEnabled": True})
    for path, status in (("reads", 200), ("none", 404)):
        answer = client.get(f"{web.url}/{path}")
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in answer.headers  # that is for https


METHODS = {
    "as declared": ("GET", "reads", 200),
    "as declared, too": ("POST", "reads", 200),
    "not declared": ("PUT", "reads", 404),
    "HEAD is not GET": ("HEAD", "reads", 404),
    "nor is OPTIONS": ("OPTIONS", "reads", 404),
    "without methods, all": ("DELETE", "any", 200),
    "without methods, HEAD": ("HEAD", "any", 200),
}


@pytest.mark.parametrize(("method", "path", "status"), METHODS.values(), ids=METHODS)
def test_methods(stage: Stage, client: httpx.Client, method: str, path: str, status: int) -> None:
    web = Web(stage)
    assert client.request(method, f"{web.url}/{path}").status_code == status


TEMPLATES = {
    "a number": ("items/7", "{'id': '7'}"),
    "and more": ("items/-7/x", "{'id': '-7', 'rest': 'x'}"),
    "no number": ("items/seven", None),
    "a decimal": ("prices/1.50", "1.50"),
    "no decimal": ("prices/1.5.0", None),
    "everything": ("files/a/b%20c", "a/b c"),
    "nothing": ("files", "none"),
}


@pytest.mark.parametrize(("path", "text"), TEMPLATES.values(), ids=TEMPLATES)
def test_templates(stage: Stage, client: httpx.Client, path: str, text: str | None) -> None:
    web = Web(stage)
    answer = client.get(f"{web.url}/{path}")
    assert (answer.text if answer.status_code == 200 else None) == text
