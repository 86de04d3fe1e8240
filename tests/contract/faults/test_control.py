"""The control endpoint over HTTP: a plan shown, replaced, added to, taken away; actions."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from retrain.local.faults import Faults, batch, http
from retrain.local.faults.endpoint import ControlEndpoint
from shared.jobs import InvalidDocument, Problem

RULE = {"service": "batch", "kind": "throttle", "where": {"job": "train-*"}, "times": 2}


def poke(body: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(body.get("node"), str):
        raise InvalidDocument([Problem(("node",), "must be text", "name a node")])
    return {"poked": body["node"]}


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def url(faults: Faults) -> Iterator[str]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    endpoint = ControlEndpoint(faults, {"batch/poke": poke}, 0)
    try:
        asyncio.run_coroutine_threadsafe(endpoint.start(), loop).result(20)
        yield endpoint.url
        asyncio.run_coroutine_threadsafe(endpoint.stop(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def control(faults: Faults, url: str) -> Iterator[httpx.Client]:
    faults.clear()
    with httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def test_a_plan_is_shown_with_its_counts(control: httpx.Client, faults: Faults) -> None:
    told = control.put("/faults", json={"seed": 5, "rules": [RULE]}).json()
    assert told["seed"] == 5
    assert told["rules"] == [
        {
            "name": "batch-throttle-1",
            **RULE,
            "counts": {"matches": 0, "struck": 0, "overruled": 0},
        }
    ]
    for job in ("other", "train-1", "train-2", "train-3"):
        faults.strike("batch", http.RequestFault, job=job)
    told = control.get("/faults").json()
    assert told["rules"][0]["counts"] == {"matches": 3, "struck": 2, "overruled": 0}
    assert [strike["facts"] for strike in told["last"]] == [{"job": "train-1"}, {"job": "train-2"}]
    assert told["actions"] == ["batch/poke"]


def test_rules_are_added_and_removed(control: httpx.Client, faults: Faults) -> None:
    assert control.post("/faults", json={**RULE, "name": "mine"}).json() == {"name": "mine"}
    assert control.post("/faults", json={**RULE, "name": "mine"}).status_code == 409
    answer = control.post("/faults", json=RULE)
    assert answer.status_code == 201
    assert control.delete(f"/faults/{answer.json()['name']}").status_code == 204
    assert [tally.rule.name for tally in faults.tallies] == ["mine"]
    assert control.delete("/faults/nobody").status_code == 404
    assert control.delete("/faults").status_code == 204
    assert not faults.armed


def test_an_action_is_done_at_once(control: httpx.Client) -> None:
    assert control.post("/batch/poke", json={"node": "n"}).json() == {"poked": "n"}


REFUSED: dict[str, tuple[str, str, Any, int, list[str]]] = {
    "a plan's field": ("PUT", "/faults", {"rules": [{**RULE, "times": 0}]}, 400,
                       ["rules[0].times"]),
    "two of them": ("PUT", "/faults", {"sed": 1, "rules": [{}]}, 400, ["sed", "rules[0]"]),
    "a rule's field": ("POST", "/faults", {**RULE, "kind": "x"}, 400, ["kind"]),
    "a plan that is a list": ("PUT", "/faults", [], 400, [""]),
    "an action's field": ("POST", "/batch/poke", {"node": 1}, 400, ["node"]),
    "an action that is not there": ("POST", "/batch/hug", {}, 404, [""]),
    "a body that is no object": ("POST", "/batch/poke", [], 400, [""]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "fields"), REFUSED.values(), ids=REFUSED
)
def test_what_is_wrong_is_said_by_field(
    control: httpx.Client, method: str, path: str, body: Any, status: int, fields: list[str]
) -> None:
    answer = control.request(method, path, json=body)
    assert answer.status_code == status
    assert [problem["field"] for problem in answer.json()["problems"]] == fields
    assert all(problem["message"] for problem in answer.json()["problems"])


def test_bodies_that_are_no_json_are_refused(control: httpx.Client) -> None:
    headers = {"content-type": "application/json"}
    assert control.put("/faults", content="{", headers=headers).status_code == 400
    assert control.put("/faults", content="[" * 100_000, headers=headers).status_code == 400
    assert control.put("/faults", content=b" " * 2_000_000, headers=headers).status_code == 413


def test_a_page_in_a_browser_can_not_reach_it(control: httpx.Client) -> None:
    told = control.post("/faults", content="{}", headers={"content-type": "text/plain"})
    assert told.status_code == 415
    assert control.get("/faults", headers={"host": "evil.example"}).status_code == 400


def test_a_replaced_plan_counts_from_the_beginning(control: httpx.Client, faults: Faults) -> None:
    faults.add(batch.Drop(name="mine"))
    faults.strike("batch", http.RequestFault)
    control.put("/faults", json={"rules": [{"service": "batch", "kind": "drop", "name": "mine"}]})
    told = control.get("/faults").json()
    assert told["rules"][0]["counts"]["matches"] == 0
    assert told["last"] == []
