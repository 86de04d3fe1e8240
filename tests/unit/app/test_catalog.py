"""Data, models and datastores as documents: what is registered, and what is refused."""

import json
from typing import Any

import pytest

from shared.domain.errors import Invalid, NotFound, Refused, Taken
from shared.ports.files import DATA, OUTPUTS
from tests.factories import NOON, a_document
from tests.simulation.twins.files import ACCOUNT
from tests.simulation.twins.world import Twins

STORE = "azureml://datastores/workspaceblobstore/paths/"
WINE: dict[str, Any] = {"name": "wine", "type": "uri_file", "path": STORE + "wine.csv"}
BLOB = {
    "type": "azure_blob",
    "name": "mine",
    "account_name": ACCOUNT,
    "container_name": "my-container",
}


@pytest.fixture
def twins() -> Twins:
    world = Twins()
    world.files.write(DATA, "wine.csv", b"1,2\n")
    return world


def test_other_content_at_the_same_path_is_another_version(twins: Twins) -> None:
    catalog = twins.product().catalog
    first, new = catalog.register("data", WINE)
    assert (first.version, new, first.created_at) == ("1", True, NOON)
    assert first.document["content"]["size"] == 4
    again, new = catalog.register("data", WINE)
    assert (again, new) == (first, False)
    twins.files.write(DATA, "wine.csv", b"1,2\n3,4\n")
    assert catalog.register("data", WINE)[0].version == "2"
    with pytest.raises(Taken, match="wine:1 is registered with other content"):
        catalog.register("data", {**WINE, "version": 1})


def test_content_that_is_uploaded_anew_is_the_same(twins: Twins) -> None:
    catalog = twins.product().catalog
    folder = {"name": "rows", "type": "uri_folder", "path": STORE + "rows/"}
    twins.files.write(DATA, "rows/a.csv", b"1")
    file, rows = catalog.register("data", WINE)[0], catalog.register("data", folder)[0]
    for path, content in {"wine.csv": b"1,2\n", "rows/a.csv": b"1"}.items():
        before = twins.files.stat(DATA, path)
        twins.files.write(DATA, path, b"other")
        twins.files.write(DATA, path, content)
        after = twins.files.stat(DATA, path)
        assert before is not None
        assert after is not None
        assert before.etag != after.etag, "the twin counts writes, as the service does"
    assert catalog.register("data", WINE) == (file, False)
    assert catalog.register("data", folder) == (rows, False)
    assert catalog.register("data", {**folder, "version": "1"}) == (rows, False)
    twins.files.write(DATA, "rows/a.csv", b"2")
    other = catalog.register("data", folder)[0]
    assert other.version == "2"
    assert other.document["content"]["sha256"] != rows.document["content"]["sha256"]


def test_a_version_of_content_that_is_there_is_one_more_version(twins: Twins) -> None:
    catalog = twins.product().catalog
    first, _ = catalog.register("data", WINE)
    second, new = catalog.register("data", {**WINE, "version": "spring"})
    assert (second.version, new, second.document) == ("spring", True, first.document)
    assert catalog.register("data", {**WINE, "version": "spring"}) == (second, False)
    assert catalog.register("data", WINE) == (first, False)


def test_a_version_of_old_is_known_by_what_it_says(twins: Twins) -> None:
    catalog = twins.product().catalog
    catalog.register("data", {**WINE, "version": "1"})
    record = json.loads(twins.registry.documents["data/wine/1"])
    record["digest"] = "that of all of the document, with its ETag"
    del record["document"]["content"]["manifest"]
    twins.registry.documents["data/wine/1"] = json.dumps(record)
    assert catalog.register("data", {**WINE, "version": "1"})[1] is False
    twins.files.write(DATA, "wine.csv", b"other")
    with pytest.raises(Taken):
        catalog.register("data", {**WINE, "version": "1"})


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a name": ({"name": "my wine"}, "can't be the name"),
    "a way out": ({"name": "../wine"}, "can't be the name"),
    "a version": ({"version": "../1"}, "can't be a version"),
    "a local path": ({"path": "data/wine.csv"}, "somebody's own disk"),
    "nothing there": ({"path": STORE + "beer.csv"}, "nothing at"),
    "an empty folder": ({"path": STORE + "beer/", "type": "uri_folder"}, "no file below"),
    "a way up": ({"path": STORE + "a/../wine.csv"}, "'..' part"),
    "an asset": ({"path": "azureml:beer:1"}, "registered already"),
    "all of a run": ({"path": "azureml://jobs/r/outputs/artifacts"}, "everything"),
    "half a run": ({"path": "azureml://jobs/r"}, "is not what a run left"),
    "a type": ({"type": "custom_model"}, "this is a model, not a data asset"),
    "a field": ({"desciption": "x"}, "did you mean 'description'?"),
    "a key": ({"path": "https://a/b?sig=x"}, "a key in it"),
}


@pytest.mark.parametrize(("fields", "said"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be_registered(twins: Twins, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        twins.product().catalog.register("data", {**WINE, **fields})
    assert said in " ".join(text for _, text in refused.value.details)
    assert not [*twins.registry.entries("data")]


def test_public_data_is_registered_unseen(twins: Twins) -> None:
    asset, _ = twins.product().catalog.register("data", {**WINE, "path": "https://x.org/a.csv"})
    assert asset.document["content"] is None
    with pytest.raises(Invalid, match="outside of this deployment"):
        twins.product().catalog.files(asset)


def test_the_files_of_a_version(twins: Twins) -> None:
    for path in ("m/MLmodel", "m/a/b", "m2/x"):
        twins.files.write(DATA, path, b"x")
    model = {"name": "m", "type": "mlflow_model", "path": STORE + "m"}
    catalog = twins.product().catalog
    asset, _ = catalog.register("models", model)
    assert [file.path for file in catalog.files(asset)] == ["MLmodel", "a/b"]
    assert "/data/m/a/b?" in catalog.link(asset, "a/b")
    one, _ = catalog.register("models", {"name": "one", "path": STORE + "m2/x"})
    assert one.document["folder"] is False
    assert [file.path for file in catalog.files(one)] == ["x"]
    assert "/data/m2/x?" in catalog.link(one, "x")
    for strange in ("", "b", "../m2/x", "a"):
        with pytest.raises((NotFound, Invalid)):
            catalog.link(asset, strange)


LEFT: dict[str, tuple[str, str, str]] = {
    "a declared output": ("azureml://jobs/{run}/outputs/model", "outputs/model/", "w"),
    "a part of it": ("azureml://jobs/{run}/outputs/model/paths/w", "outputs/model/w", "w"),
    "an undeclared one": (
        "azureml://jobs/{run}/outputs/artifacts/paths/outputs/model/",
        "outputs/model/",
        "w",
    ),
    "what was logged": ("azureml://jobs/{run}/outputs/artifacts/paths/m/", "artifacts/m/", "l"),
    "in MLflow's words": ("runs:/{run}/m", "artifacts/m/", "l"),
}


@pytest.mark.parametrize(("path", "where", "file"), LEFT.values(), ids=LEFT)
def test_what_a_run_left_is_registered(twins: Twins, path: str, where: str, file: str) -> None:
    asked = a_document(outputs={"model": {"type": "custom_model"}})
    name = twins.product().admission.submit_document(asked, None).name
    twins.settle()
    twins.files.write(OUTPUTS, f"{name}/1/outputs/model/w", b"w")
    twins.files.write(OUTPUTS, f"{name}/1/artifacts/m/l", b"l")
    twins.product().observer.landed(f"{name}/1/ended")
    twins.settle()
    document = {"name": "m", "path": path.format(run=name)}
    asset, _ = twins.product().catalog.register("models", document)
    expected = f"azureml://datastores/workspaceartifactstore/paths/{name}/1/{where}"
    assert asset.document["path"].rstrip("/") == expected.rstrip("/")
    assert asset.document["folder"] == where.endswith("/")
    assert asset.document["made_by"]["run"] == name
    assert [one.path for one in twins.product().catalog.files(asset)] == [file]


def test_what_no_run_left_is_not_registered(twins: Twins) -> None:
    for path in ("azureml://jobs/nobody/outputs/model", "runs:/nobody/model"):
        with pytest.raises(NotFound, match="no Run 'nobody'"):
            twins.product().catalog.register("models", {"name": "m", "path": path})


def test_a_version_is_found_archived_labelled_by_reference(twins: Twins) -> None:
    catalog = twins.product().catalog
    for n in ("1", "2"):
        twins.files.write(DATA, "wine.csv", n.encode())
        catalog.register("data", WINE)
    assert catalog.find("data", "wine").version == "2"
    assert catalog.find("data", "azureml:wine:1").version == "1"
    catalog.label("data", "wine:1", "stable")
    assert catalog.find("data", "wine@stable").version == "1"
    catalog.archive("data", "wine@latest")
    assert catalog.find("data", "wine").version == "1"
    catalog.archive("data", "wine")
    with pytest.raises(NotFound):
        catalog.find("data", "wine")
    catalog.archive("data", "wine", back=True)
    assert catalog.find("data", "wine").version == "1", "the second one was archived by itself"
    for strange in ("", "wi ne", "wine:", "../wine"):
        with pytest.raises(Invalid):
            catalog.find("data", strange)
    with pytest.raises(Invalid):
        catalog.label("data", "wine:1", "latest")
    with pytest.raises(Invalid, match="'my label' can't be a label") as refused:
        catalog.label("data", "wine:1", "my label")
    assert refused.value.remedy == "Use 1 to 64 letters, digits, -, _ and ., such as champion."


def test_a_datastore_is_created_replaced_listed_and_deleted(twins: Twins) -> None:
    stores = twins.product().datastores
    assert stores.put(BLOB)[1]
    assert not stores.put({**BLOB, "description": "again"})[1]
    assert [kept.store.description for kept in stores.all()] == ["again"]
    assert stores.get("mine").store.container == "my-container"
    stores.delete("mine")
    with pytest.raises(NotFound, match="no datastore 'mine'"):
        stores.get("mine")
    with pytest.raises(NotFound):
        stores.delete("mine")


LAKE = {"type": "azure_data_lake_gen2", "name": "lake", "account_name": ACCOUNT}
BAD_STORES: dict[str, tuple[dict[str, Any], str]] = {
    "a key": ({**BLOB, "credentials": {"account_key": "x"}}, "are not kept"),
    "a token": ({**BLOB, "credentials": {"sas_token": "x"}}, "Storage Blob Data Contributor"),
    "a secret": ({**BLOB, "credentials": {"client_secret": "x"}}, "leave `credentials` out"),
    "file shares": ({**BLOB, "type": "azure_file"}, "not supported yet"),
    "gen1": ({**BLOB, "type": "azure_data_lake_gen1"}, "Azure has retired it"),
    "a name": ({**BLOB, "name": "my-store"}, "letters, digits and _"),
    "a built-in name": ({**BLOB, "name": "workspaceblobstore"}, "is built in"),
    "no container": ({**BLOB, "container_name": None}, "needs `container_name`"),
    "a lake without file system": (LAKE, "needs `filesystem`"),
    "a file system of blobs": ({**BLOB, "filesystem": "files"}, "is not a field of azure_blob"),
    "an account": ({**BLOB, "account_name": "a.b/c"}, "can't be a storage account"),
    "a container": ({**BLOB, "container_name": "../x"}, "can't be a container"),
    "our own container": ({**BLOB, "container_name": "runs"}, "kept for Retrain"),
}


@pytest.mark.parametrize(("document", "said"), BAD_STORES.values(), ids=BAD_STORES)
def test_what_is_no_datastore(twins: Twins, document: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        twins.product().datastores.put(document)
    assert said in " ".join(text for _, text in refused.value.details)
    assert "x" not in str(twins.registry.documents.values())


def test_a_lake_is_a_container_too(twins: Twins) -> None:
    kept, _ = twins.product().datastores.put({**LAKE, "filesystem": "files", "protocol": "abfss"})
    assert kept.store.container == "files"


def test_an_account_that_can_not_be_entered(twins: Twins) -> None:
    with pytest.raises(Refused, match="can't be entered"):
        twins.files.stat("c", "p", "strangers")
