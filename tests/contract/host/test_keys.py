"""Key management over HTTP, as in Azure; what is changed counts at once and after a restart."""

import httpx

from tests.contract.host.stage import Stage
from tests.contract.host.test_admin import Asker

APP = """
    app = func.FunctionApp()

    @app.route("one")
    def one(req): return "one"

    @app.route("two")
    def two(req): return "two"

    @app.route("most", auth_level=func.AuthLevel.ADMIN)
    def most(req): return "most"
"""


def statuses(client: httpx.Client, url: str, key: str) -> list[int]:
    headers = {"x-functions-key": key}
    return [
        client.get(f"{url}/{name}", headers=headers).status_code for name in ("one", "two", "most")
    ]


def test_each_key_opens_what_it_is_for(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(APP)
    ask = Asker(host, client)
    assert ask("PUT", "functions/one/keys/mine", {"value": "only-one"}).status_code == 201
    assert ask("PUT", "host/keys/team", {"value": "every-function"}).status_code == 201
    opened = {
        "only-one": [200, 401, 401],
        "every-function": [200, 200, 401],
        host.keys.default: [200, 200, 401],
        host.keys.master: [200, 200, 200],
        "": [401, 401, 401],
        "guess": [401, 401, 401],
    }
    assert {key: statuses(client, host.url, key) for key in opened} == opened
    stage.stop(host)
    again = stage.host(APP)
    assert statuses(client, again.url, "only-one") == [200, 401, 401]


def test_keys_are_listed_changed_and_deleted(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(APP)
    ask = Asker(host, client)
    default = {"name": "default", "value": host.keys.default}
    assert ask("GET", "host/keys").json() == {"keys": [default]}
    made = ask("POST", "host/keys/team")
    assert made.status_code == 201
    assert len(made.json()["value"]) > 30
    assert ask("GET", "host/functionkeys/team").json() == made.json()
    changed = ask("PUT", "host/keys/team", {"value": "mine"})
    assert (changed.status_code, changed.json()["value"]) == (200, "mine")
    assert ask("DELETE", "host/keys/team").status_code == 204
    assert ask("DELETE", "host/keys/team").status_code == 404
    assert statuses(client, host.url, "mine") == [401, 401, 401]
    assert ask("GET", "functions/one/keys").json() == {"keys": []}
    renewed = ask("POST", "host/keys/default").json()["value"]
    assert renewed == host.keys.default != default["value"]


def test_what_is_refused(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(APP)
    ask = Asker(host, client)
    assert ask("PUT", "host/keys/team", {"key": "x"}).status_code == 400
    assert ask("PUT", "host/keys/team", {"value": ""}).status_code == 400
    assert ask("DELETE", "host/keys/_master").status_code == 400
    assert ask("DELETE", "host/keys/default").status_code == 404
    assert ask("POST", "functions/none/keys/x").status_code == 404
    assert ask("GET", "functions/one/keys/none").status_code == 404
    assert ask("POST", "host/keys").status_code == 405


def test_a_new_master_key_ends_the_old(stage: Stage, client: httpx.Client) -> None:
    host = stage.host(APP)
    old = Asker(host, client)
    assert old("GET", "host/systemkeys").json() == {"keys": []}
    assert old("GET", "host/systemkeys/_master").json()["value"] == host.keys.master
    assert old("PUT", "host/systemkeys/_master", {"value": "new-master"}).status_code == 200
    assert old("GET", "host/keys").status_code == 401
    assert host.keys.master == "new-master"
    assert Asker(host, client)("GET", "host/keys").status_code == 200
