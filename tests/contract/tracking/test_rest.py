"""The routes by themselves, for clients that check nothing before they ask."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.app.script_tracking import ScriptTracking
from shared.domain.status import Status
from tests.contract.tracking.conftest import Served
from tests.factories import RUN, a_job, a_run

pytestmark = pytest.mark.parametrize("served", ["twins"], indirect=True)

ROOT = "/api/mlflow/api/2.0/mlflow"
FILES = "/api/mlflow/api/2.0/mlflow-artifacts"
WRONG = "INVALID_PARAMETER_VALUE"
DENIED = "PERMISSION_DENIED"
MISSING = "RESOURCE_DOES_NOT_EXIST"
NO_WAY = "ENDPOINT_NOT_FOUND"
OTHER = RUN.replace("12", "13")
GET = "/runs/get?run_id="
CHILD = "-1-c" + "0" * 16
POINT = {"key": "a", "value": 1, "timestamp": 1}


@pytest.fixture
def http(script: Served) -> Any:
    with httpx.Client(base_url=script.url, headers=_bearer(_token(script))) as client:
        yield client


def _token(script: Served) -> str:
    run = script.ports.runs.load(RUN).run
    told = ScriptTracking(script.product.tokens, script.url).variables(run)
    return told["MLFLOW_TRACKING_TOKEN"]


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _metrics(*values: Any, **more: Any) -> dict[str, Any]:
    points = [{**POINT, "value": value, **more} for value in values]
    return {"run_id": RUN, "metrics": points}


def _params(count: int, **more: Any) -> dict[str, Any]:
    return {"run_id": RUN, "params": [{"key": f"p{n}", "value": "1", **more} for n in range(count)]}


#: Method, path, JSON body (or text as it is), status, MLflow's code.
BAD: dict[str, tuple[str, str, Any, int, str]] = {
    "no JSON": ("POST", "/runs/log-batch", "{no", 400, WRONG),
    "no object": ("POST", "/runs/log-batch", [1], 400, WRONG),
    "no run": ("POST", "/runs/log-batch", {}, 400, WRONG),
    "too many metrics": ("POST", "/runs/log-batch", _metrics(*range(1001)), 400, WRONG),
    "too many params": ("POST", "/runs/log-batch", _params(101), 400, WRONG),
    "too large": ("POST", "/runs/log-batch", " " * 1_000_001, 400, WRONG),
    "a truth for a number": ("POST", "/runs/log-batch", _metrics(True), 400, WRONG),
    "a text for a number": ("POST", "/runs/log-batch", _metrics("x"), 400, WRONG),
    "no number": ("POST", "/runs/log-batch", _metrics(None), 400, WRONG),
    "time before 1970": ("POST", "/runs/log-batch", _metrics(1, timestamp=-1), 400, WRONG),
    "step past 64 bits": ("POST", "/runs/log-batch", _metrics(1, step=2**63), 400, WRONG),
    "half a step": ("POST", "/runs/log-batch", _metrics(1, step=0.5), 400, WRONG),
    "odd name": ("POST", "/runs/log-batch", _metrics(1, key="a\nb"), 400, WRONG),
    "name that leads out": ("POST", "/runs/log-batch", _metrics(1, key="../a"), 400, WRONG),
    "no name": ("POST", "/runs/log-batch", _metrics(1, key=""), 400, WRONG),
    "long name": ("POST", "/runs/log-batch", _metrics(1, key="a" * 251), 400, WRONG),
    "long param": ("POST", "/runs/log-batch", _params(1, value="x" * 6001), 400, WRONG),
    "a param twice": ("POST", "/runs/log-batch", _params(2, key="a"), 400, WRONG),
    "long tag": (
        "POST", "/runs/set-tag", {"run_id": RUN, "key": "a", "value": "x" * 8001}, 400, WRONG,
    ),
    "another's run": ("POST", "/runs/log-metric", {"run_id": OTHER, **POINT}, 403, DENIED),
    "another's child": ("GET", GET + OTHER + CHILD, None, 403, DENIED),
    "another attempt's child": ("GET", f"{GET}{RUN}-2-c{'0' * 16}", None, 403, DENIED),
    "no such child": ("GET", GET + RUN + CHILD, None, 404, MISSING),
    "no such experiment": ("GET", "/experiments/get?experiment_id=5", None, 404, MISSING),
    "odd status": ("POST", "/runs/update", {"run_id": RUN, "status": "DONE"}, 400, WRONG),
    "odd filter": ("POST", "/runs/search", {"filter": "metrics.a ~ 1"}, 400, WRONG),
    "odd page": ("POST", "/runs/search", {"page_token": "x"}, 400, WRONG),
    "a run deleted": ("POST", "/runs/delete", {"run_id": RUN}, 501, "NOT_IMPLEMENTED"),
    "the model registry": ("POST", "/registered-models/create", {"name": "m"}, 404, NO_WAY),
    "no such model": ("GET", f"/logged-models/m-{RUN}-1-{'0' * 16}", None, 404, MISSING),
    "another's model": ("GET", f"/logged-models/m-{OTHER}-1-{'0' * 16}", None, 403, DENIED),
    "an odd model": ("GET", "/logged-models/m-x", None, 404, MISSING),
    "a model's odd filter": ("POST", "/logged-models/search", {"filter": "name ~ 1"}, 400, WRONG),
    "traces": ("POST", "/traces", {}, 404, NO_WAY),
    "wrong method": ("PUT", "/runs/search", {}, 404, NO_WAY),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), BAD.values(), ids=BAD)
def test_errors_are_mlflows_own(
    http: httpx.Client, method: str, path: str, body: Any, status: int, code: str
) -> None:
    sent = {"content": body} if isinstance(body, str) else {"json": body}
    answer = http.request(method, ROOT + path, **({} if body is None else sent))
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert answer.json().keys() == {"error_code", "message"}
    assert answer.json()["message"]


def test_nothing_is_written_of_a_batch_that_is_wrong(http: httpx.Client, script: Served) -> None:
    body = {**_metrics(1), "params": [{"key": "a", "value": "x" * 7000}]}
    assert http.post(f"{ROOT}/runs/log-batch", json=body).status_code == 400
    scores = script.product.metrics.scores(RUN)
    assert (dict(scores.metrics), scores.facts.params) == ({}, {})


PATHS = {
    "another's": f"{OTHER}/1/artifacts/a",
    "another attempt's": f"{RUN}/2/artifacts/a",
    "the run's outputs": f"{RUN}/1/outputs/model",
    "its marker": f"{RUN}/1/ended",
    "out of it": f"{RUN}/1/artifacts/%2e%2e/ended",
    "the root itself": f"{RUN}/1/artifacts",
    "nobody's": "a",
}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_artifacts_are_those_of_the_run_alone(
    http: httpx.Client, script: Served, path: str
) -> None:
    for answer in (
        http.put(f"{FILES}/artifacts/{path}", content=b"x"),
        http.get(f"{FILES}/artifacts/{path}"),
        http.post(f"{FILES}/mpu/create/{path}", json={"path": "", "num_parts": 1}),
    ):
        assert answer.status_code in (400, 403, 404), answer.text
    assert [*script.ports.files.list("outputs", "")] == []


TOKENS: dict[str, dict[str, str]] = {
    "none": {},
    "another form": {"Authorization": "Bearer abc"},
    "no text": {"Authorization": "Bearer rt1.größe.x"},
    "not Retrain's signature": {"Authorization": "Bearer rt1.KkAxNzk2MDAzNzE4.AAAA"},
    "odd basic": {"Authorization": "Basic !!"},
    "other kind": {"Authorization": "Negotiate abc"},
}


@pytest.mark.parametrize("headers", TOKENS.values(), ids=TOKENS)
def test_without_a_token_there_is_nothing(script: Served, headers: dict[str, str]) -> None:
    raw = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    for method, path in (("GET", "/runs/get?run_id=x"), ("POST", "/runs/search")):
        answer = httpx.request(method, f"{script.url}{ROOT}{path}", headers=raw, json={})
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


def test_a_token_is_good_as_a_password_too(script: Served) -> None:
    pair = base64.b64encode(f"anybody:{_token(script)}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}"}
    asked = f"{script.url}{ROOT}/runs/get?run_id={RUN}"
    assert httpx.get(asked, headers=headers).status_code == 200


def test_a_token_ends(script: Served) -> None:
    until = script.ports.now() - timedelta(seconds=1)
    old = script.product.tokens.for_everything(until)
    answer = httpx.get(f"{script.url}{ROOT}/runs/get?run_id={RUN}", headers=_bearer(old))
    assert answer.status_code == 401
    assert "expired" in answer.json()["message"]


def test_a_run_that_is_over_still_takes_what_is_logged(script: Served) -> None:
    """As in MLflow: the last batch may come after the end, and people add to old runs."""
    script.ports.runs.create(a_run(Status.COMPLETED, name=OTHER))
    with httpx.Client(base_url=script.url, headers=_bearer(script.everything)) as http:
        sent = http.post(f"{ROOT}/runs/log-metric", json={"run_id": OTHER, **POINT})
        assert sent.status_code == 200
        run = http.get(f"{ROOT}/runs/get?run_id={OTHER}").json()["run"]
    assert (run["info"]["status"], run["data"]["metrics"][0]["value"]) == ("FINISHED", 1)


def test_an_unknown_run(script: Served) -> None:
    headers = _bearer(script.everything)
    answer = httpx.get(f"{script.url}{ROOT}/runs/get?run_id=nothing", headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (404, MISSING)


#: Filter, order, and which of the runs a (loss 1), b (loss 2, tag), c (nothing logged) come.
SEARCHES: dict[str, tuple[str, list[str], list[str]]] = {
    "all, newest first": ("", [], ["c", "b", "a"]),
    "by a metric": ("metrics.loss < 1.5", [], ["a"]),
    "what isn't there fulfils nothing": ("metrics.loss != 5", [], ["b", "a"]),
    "two conditions": ("metrics.`loss` > 0 and tags.\"colour\" = 'red'", [], ["b"]),
    "like": ("attributes.run_name ILIKE 'A%'", [], ["a"]),
    "in": ("run_name IN ('a', 'c')", [], ["c", "a"]),
    "not in": ("attributes.run_name NOT IN ('a', 'c')", [], ["b"]),
    "is null": ("tags.colour IS NULL", [], ["c", "a"]),
    "is not null": ("params.depth IS NOT NULL", [], ["a"]),
    "by status": ("attributes.status = 'FINISHED'", [], ["c", "b", "a"]),
    "falling, what has none last": ("", ["metrics.loss DESC"], ["b", "a", "c"]),
    "rising, what has none last": ("", ["metrics.loss"], ["a", "b", "c"]),
}


@pytest.mark.parametrize(("wanted", "order", "names"), SEARCHES.values(), ids=SEARCHES)
def test_a_search_finds(script: Served, wanted: str, order: list[str], names: list[str]) -> None:
    with _three(script) as http:
        body = {"experiment_ids": ["0"], "filter": wanted, "order_by": order}
        found = http.post(f"{ROOT}/runs/search", json=body).json()["runs"]
    assert [run["info"]["run_name"] for run in found] == names


def test_a_search_has_pages(script: Served) -> None:
    with _three(script) as http:
        names, token = [], ""
        for _ in range(3):
            body = {"experiment_ids": ["0"], "max_results": 2, "page_token": token}
            page = http.post(f"{ROOT}/runs/search", json=body).json()
            names += [run["info"]["run_name"] for run in page["runs"]]
            token = page.get("next_page_token", "")
            if not token:
                break
    assert names == ["c", "b", "a"]


def test_a_script_finds_its_own_run_alone(script: Served) -> None:
    with _three(script):
        body = {"experiment_ids": ["0", *_own_experiment(script)]}
        headers = _bearer(_token(script))
        found = httpx.post(f"{script.url}{ROOT}/runs/search", json=body, headers=headers).json()
    assert [run["info"]["run_id"] for run in found["runs"]] == [RUN]


def test_histories_of_many(script: Served) -> None:
    with _three(script) as http:
        runs = [_name(letter) for letter in "ab"]
        query: dict[str, Any] = {"run_id": runs, "metric_key": "loss"}
        found = http.get(f"{ROOT}/metrics/get-history-bulk", params=query).json()["metrics"]
        assert [(point["run_id"], point["value"]) for point in found] == [
            (runs[0], 1),
            (runs[1], 2),
        ]
        for step in range(10):
            sent = {"run_id": RUN, **POINT, "step": step}
            http.post(f"{ROOT}/runs/log-metric", json=sent)
        query = {"run_ids": [RUN], "metric_key": "a", "max_results": 4}
        some = http.get(f"{ROOT}/metrics/get-history-bulk-interval", params=query).json()
        assert [point["step"] for point in some["metrics"]] == [0, 3, 6, 9]
        page: dict[str, Any] = {"run_id": RUN, "metric_key": "a", "max_results": 6}
        first = http.get(f"{ROOT}/metrics/get-history", params=page).json()
        page["page_token"] = first["next_page_token"]
        second = http.get(f"{ROOT}/metrics/get-history", params=page).json()
        assert (len(first["metrics"]), len(second["metrics"])) == (6, 4)
        assert "next_page_token" not in second


@contextmanager
def _three(script: Served) -> Iterator[httpx.Client]:
    for letter in "abc":
        job = a_job(display_name=letter)
        script.ports.runs.create(a_run(Status.COMPLETED, name=_name(letter), job=job))
    with httpx.Client(base_url=script.url, headers=_bearer(script.everything)) as http:
        for letter, loss in (("a", 1), ("b", 2)):
            sent = {"run_id": _name(letter), "key": "loss", "value": loss, "timestamp": 1}
            http.post(f"{ROOT}/runs/log-metric", json=sent)
        for route, letter, key in (("set-tag", "b", "colour"), ("log-parameter", "a", "depth")):
            said = {"run_id": _name(letter), "key": key, "value": "red"}
            http.post(f"{ROOT}/runs/{route}", json=said)
        yield http


def _own_experiment(script: Served) -> list[str]:
    return [one.id for one in script.product.experiments.every() if one.name == "wine"]


def _name(letter: str) -> str:
    """Of a run other than RUN, which itself ends with an a."""
    return RUN[:-1] + chr(ord(letter) + 1)


def test_the_links_that_the_client_prints_lead_somewhere(script: Served) -> None:
    answer = httpx.get(f"{script.url}/api/mlflow/")
    assert answer.status_code == 200
    assert "retrain job metrics" in answer.text
