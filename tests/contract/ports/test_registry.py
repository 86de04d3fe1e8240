"""Registry: named documents, the first of a name where that is asked for."""

import pytest

from shared.domain.errors import Conflict
from tests.contract.ports.conftest import Stores

DOCUMENT = {"name": "wine", "text": "größer", "nested": {"list": [1, None, True]}}


def test_what_is_put_is_there(stores: Stores) -> None:
    assert stores.registry.get("schedules", "wine") is None
    assert stores.registry.put("schedules", "wine", DOCUMENT)
    assert stores.registry.get("schedules", "wine") == DOCUMENT


def test_a_second_put_replaces(stores: Stores) -> None:
    stores.registry.put("schedules", "wine", DOCUMENT)
    assert not stores.registry.put("schedules", "wine", {"new": 1})
    assert stores.registry.get("schedules", "wine") == {"new": 1}


def test_once_is_the_first(stores: Stores) -> None:
    assert stores.registry.once("asked", "key", {"at": 1}) == {"at": 1}
    assert stores.registry.once("asked", "key", {"at": 2}) == {"at": 1}
    assert stores.registry.get("asked", "key") == {"at": 1}


def test_a_list_is_of_one_kind_and_by_name(stores: Stores) -> None:
    for name in ("b", "a", "c"):
        stores.registry.put("schedules", name, {"name": name})
    stores.registry.put("schedules-old", "x", {"name": "x"})
    stores.registry.put("asked", "x", {"name": "x"})
    assert [one["name"] for one in stores.registry.list("schedules")] == ["a", "b", "c"]
    assert [*stores.registry.list("nothing")] == []


def test_a_list_is_fresh(stores: Stores) -> None:
    stores.registry.put("schedules", "a", {"n": 1})
    assert [*stores.registry.list("schedules")] == [{"n": 1}]
    stores.registry.put("schedules", "a", {"n": 2})
    stores.registry.put("schedules", "b", {"n": 3})
    assert [*stores.registry.list("schedules")] == [{"n": 2}, {"n": 3}]
    stores.registry.delete("schedules", "a")
    assert [*stores.registry.list("schedules")] == [{"n": 3}]


def test_what_is_deleted_is_gone(stores: Stores) -> None:
    stores.registry.put("schedules", "wine", DOCUMENT)
    assert stores.registry.delete("schedules", "wine")
    assert not stores.registry.delete("schedules", "wine")
    assert stores.registry.get("schedules", "wine") is None
    assert stores.registry.put("schedules", "wine", DOCUMENT)


def test_what_was_read_can_be_changed_without_harm(stores: Stores) -> None:
    stores.registry.put("schedules", "wine", {"n": 1})
    stores.registry.list("schedules")[0]["n"] = 2
    assert [*stores.registry.list("schedules")] == [{"n": 1}]


def test_what_was_loaded_can_be_saved_once(stores: Stores) -> None:
    assert stores.registry.load("labels", "wine") is None
    stores.registry.save("labels", "wine", {"n": 1}, None)
    kept = stores.registry.load("labels", "wine")
    assert kept is not None
    assert kept.document == {"n": 1}
    stores.registry.save("labels", "wine", {"n": 2}, kept.etag)
    with pytest.raises(Conflict):
        stores.registry.save("labels", "wine", {"n": 3}, kept.etag)
    with pytest.raises(Conflict):
        stores.registry.save("labels", "wine", {"n": 3}, None)
    assert stores.registry.get("labels", "wine") == {"n": 2}


def test_what_was_deleted_meanwhile_is_not_saved(stores: Stores) -> None:
    stores.registry.save("labels", "wine", {"n": 1}, None)
    kept = stores.registry.load("labels", "wine")
    assert kept is not None
    stores.registry.delete("labels", "wine")
    with pytest.raises(Conflict):
        stores.registry.save("labels", "wine", {"n": 2}, kept.etag)


def test_entries_are_names_below_a_kind_in_order(stores: Stores) -> None:
    for name in ("wine/10", "wine/2", "beer/1"):
        stores.registry.once("data", name, {})
    stores.registry.once("data-old", "x", {})
    assert [one.name for one in stores.registry.entries("data")] == ["beer/1", "wine/10", "wine/2"]
    assert [one.name for one in stores.registry.entries("data/wine")] == ["10", "2"]
    assert all(one.modified.tzinfo for one in stores.registry.entries("data"))
    assert [*stores.registry.entries("nothing")] == []


def test_the_first_entries_below_a_prefix_with_the_etags_of_their_saving(stores: Stores) -> None:
    etags = [stores.registry.save("due", name, {}, None) for name in ("7~b", "6~c", "7~a")]
    found = stores.registry.entries("due")
    assert [(one.name, one.etag) for one in found] == [
        ("6~c", etags[1].strip('"')),
        ("7~a", etags[2].strip('"')),
        ("7~b", etags[0].strip('"')),
    ]
    assert [one.name for one in stores.registry.entries("due", limit=2)] == ["6~c", "7~a"]
    assert [one.name for one in stores.registry.entries("due", "7~", 5)] == ["7~a", "7~b"]


def test_names_may_hold_paths(stores: Stores) -> None:
    name = "wine~0x1~a b/größe=1/x%20y+z#1?.csv"
    stores.registry.put("pending", name, {"n": 1})
    assert [entry.name for entry in stores.registry.entries("pending", "wine~")] == [name]
    assert stores.registry.get("pending", name) == {"n": 1}
    assert stores.registry.delete("pending", name)
