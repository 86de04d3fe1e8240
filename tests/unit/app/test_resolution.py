"""What a job's inputs and outputs stand for, the moment that it is asked for."""

from typing import Any

import pytest

from shared.domain.errors import Invalid
from shared.domain.lineage import Content, Read
from shared.domain.requests import TrainingRequest
from shared.domain.run import Run, Source
from shared.domain.status import Status
from shared.ports.files import DATA, REGISTRY
from tests.factories import NOON, a_document, a_job, a_request
from tests.simulation.twins.files import ACCOUNT
from tests.simulation.twins.world import Twins

STORE = "azureml://datastores/workspaceblobstore/paths/"
WINE = b"1,2\n"


@pytest.fixture
def twins() -> Twins:
    """A world with a file, a folder, a datastore, and some of it registered."""
    world = Twins()
    world.files.write(DATA, "wine.csv", WINE)
    world.files.write(DATA, "many/a.csv", b"a")
    world.files.write(DATA, "many/b/c.csv", b"bc")
    world.files.write(DATA, "many-more/x.csv", b"x")
    world.product().datastores.put(
        {
            "type": "azure_blob",
            "name": "mine",
            "account_name": ACCOUNT,
            "container_name": "my-container",
        }
    )
    world.files.write("my-container", "x/wine.csv", WINE)
    catalog = world.product().catalog
    catalog.register("data", {"name": "wine", "type": "uri_file", "path": STORE + "wine.csv"})
    catalog.register("data", {"name": "many", "path": STORE + "many"})
    catalog.register("models", {"name": "m", "path": STORE + "wine.csv"})
    return world


def submitted(twins: Twins, **fields: Any) -> Run:
    return twins.product().admission.submit_document(a_document(**fields), None)


def read(twins: Twins, **given: Any) -> Read:
    run = submitted(twins, inputs={"x": given})
    assert twins.runs.load(run.name).run.reads == run.reads, "it survives the wire"
    return run.reads[0]


FILES: dict[str, dict[str, Any]] = {
    "a datastore's path": {"path": STORE + "wine.csv"},
    "an asset's version": {"path": "azureml:wine:1"},
    "an asset's label": {"path": "azureml:wine@latest"},
    "a datastore of one's own": {"path": "azureml://datastores/mine/paths/x/wine.csv"},
    "our account over wasbs": {"path": f"wasbs://data@{ACCOUNT}.blob.core.windows.net/wine.csv"},
    "our account over abfss": {"path": f"abfss://data@{ACCOUNT}.dfs.core.windows.net/wine.csv"},
    "our account over https": {"path": f"https://{ACCOUNT}.blob.core.windows.net/data/wine.csv"},
    "the container in the path": {"path": f"wasbs://{ACCOUNT}.blob.core.windows.net/data/wine.csv"},
    "a model that is a file": {"path": STORE + "wine.csv", "type": "custom_model"},
    "a registered model": {"path": "azureml:m:1", "type": "custom_model"},
}


@pytest.mark.parametrize("given", FILES.values(), ids=FILES)
def test_a_file_is_found_and_seen(twins: Twins, given: dict[str, Any]) -> None:
    found = read(twins, **{"type": "uri_file", **given})
    assert found.content is not None
    assert (found.content.size, found.content.files) == (4, 1)
    assert found.content.md5
    assert found.content.etag
    assert (found.place.folder, found.place.account) == (False, "")
    expected = ("my-container", "x/wine.csv") if "mine" in given["path"] else (DATA, "wine.csv")
    assert (found.place.container, found.place.path) == expected
    registered = given["path"].startswith("azureml:") and "//" not in given["path"]
    assert (found.asset is not None) == registered
    if found.asset:
        assert found.asset.version == "1"


@pytest.mark.parametrize("path", [STORE + "many", STORE + "many/", "azureml:many:1"])
@pytest.mark.parametrize("kind", ["uri_folder", "custom_model", "mlflow_model"])
def test_a_folder_has_a_manifest(twins: Twins, path: str, kind: str) -> None:
    if kind != "uri_folder" and path.startswith("azureml:m"):
        twins.product().catalog.register(
            "models", {"name": "many", "type": kind, "path": STORE + "many/"}
        )
    found = read(twins, path=path, type=kind)
    assert found.place.path == "many/"
    content = found.content
    assert content is not None
    assert (content.size, content.files, len(content.sha256)) == (3, 2, 64)
    manifest = twins.files.read(REGISTRY, f"manifests/{content.manifest}.json").decode()
    assert '"a.csv"' in manifest
    assert '"b/c.csv"' in manifest
    assert "x.csv" not in manifest


def test_what_anybody_can_read_is_not_looked_at(twins: Twins) -> None:
    found = read(twins, type="uri_file", path="https://example.org/a%20b.csv")
    assert (found.content, found.place.public) == (None, "https://example.org/a%20b.csv")
    other = read(twins, type="uri_file", path="wasbs://cont@other.blob.core.windows.net/a b/x.csv")
    assert other.place.public == "https://other.blob.core.windows.net/cont/a%20b/x.csv"
    folder = read(twins, path="wasbs://cont@other.blob.core.windows.net/a b")
    assert folder.place.public == "https://other.blob.core.windows.net/cont"
    assert folder.place.path == "a b/"


def test_literals_stand_in_addresses(twins: Twins) -> None:
    path = "azureml://datastores/${{default_datastore}}/paths/${{inputs.which}}.csv"
    run = submitted(twins, inputs={"which": "wine", "x": {"type": "uri_file", "path": path}})
    assert run.reads[0].place.path == "wine.csv"
    with pytest.raises(Invalid, match=r"'\.\.'"):
        submitted(twins, inputs={"which": "../wine", "x": {"type": "uri_file", "path": path}})


MISSING: dict[str, tuple[dict[str, Any], str]] = {
    "a file": ({"type": "uri_file", "path": STORE + "beer.csv"}, "no file 'azureml://datastores"),
    "a folder": ({"path": STORE + "wine.csv"}, "no folder with files"),
    "half a name": ({"path": STORE + "man"}, "no folder with files"),
    "a version": ({"type": "uri_file", "path": "azureml:wine:2"}, "'wine' has the versions: 1"),
    "a label": ({"type": "uri_file", "path": "azureml:wine@best"}, "data asset 'wine@best'"),
    "a name": ({"type": "uri_file", "path": "azureml:beer:1"}, "retrain data list"),
    "a model": ({"type": "custom_model", "path": "azureml:wine:1"}, "no model 'wine'"),
    "a type": ({"type": "uri_file", "path": "azureml:many:1"}, "of type uri_folder, not uri_file"),
    "a datastore": ({"path": "azureml://datastores/other/paths/x"}, "There are: workspaceblob"),
    "a record": ({"path": f"wasbs://runs@{ACCOUNT}.blob.core.windows.net/"}, "keeps its records"),
}


@pytest.mark.parametrize(("given", "said"), MISSING.values(), ids=MISSING)
def test_what_is_not_there_is_said_at_once(twins: Twins, given: dict[str, Any], said: str) -> None:
    before = dict(twins.runs.records)
    with pytest.raises(Invalid) as refused:
        submitted(twins, inputs={"x": given, "y": {"path": STORE + "nothing/"}})
    fields = [field for field, _ in refused.value.details]
    assert fields == ["inputs.x.path", "inputs.y.path"], "all of them, not only the first"
    assert said in refused.value.details[0][1]
    assert twins.runs.records == before


def test_what_a_schedule_asks_for_fails_as_a_run(twins: Twins) -> None:
    job = a_job(inputs={"x": {"type": "uri_file", "path": "azureml:beer:1"}})
    request = TrainingRequest(
        id="tick", at=NOON, job=job, source=Source(kind="cron", schedule="nightly")
    )
    name = twins.product().admission.submit(request).name
    twins.settle()
    run = twins.runs.load(name).run
    assert run.status is Status.FAILED
    assert run.problem is not None
    assert "azureml" in run.problem.message or "beer" in run.problem.message


def test_an_optional_input_needs_no_path(twins: Twins) -> None:
    run = submitted(
        twins,
        command="train $[[--data ${{inputs.x}}]]",
        inputs={"x": {"type": "uri_file", "optional": True}},
    )
    assert run.reads == ()


def test_a_direct_input_is_an_address(twins: Twins) -> None:
    found = read(twins, path=STORE + "nowhere/", mode="direct")
    assert (found.content, found.place.uri) == (None, STORE + "nowhere/")


def test_a_run_that_is_there_is_not_looked_at_again(twins: Twins) -> None:
    job = a_job(inputs={"x": {"type": "uri_file", "path": STORE + "wine.csv"}})
    first = twins.product().admission.submit(a_request(job=job))
    twins.files.write(DATA, "wine.csv", b"other")
    again = twins.product().admission.submit(a_request(job=job))
    assert again.reads == first.reads


def test_an_outputs_path_is_filled_in(twins: Twins) -> None:
    path = "azureml://datastores/mine/paths/models/${{name}}/${{output_name}}/${{inputs.a}}"
    run = submitted(twins, inputs={"a": "b"}, outputs={"model": {"path": path}})
    (written,) = run.writes
    assert written.place.path == f"models/{run.name}/model/b/"
    assert written.place.container == "my-container"


UNWRITABLE = {
    "our own things": ("azureml://datastores/workspaceartifactstore/paths/x", "own things"),
    "records": (f"wasbs://registry@{ACCOUNT}.blob.core.windows.net/x", "keeps its records"),
    "a stranger's": ("wasbs://cont@other.blob.core.windows.net/x", "no datastore names"),
    "no datastore": ("azureml://datastores/other/paths/x", "no datastore 'other'"),
}


@pytest.mark.parametrize(("path", "said"), UNWRITABLE.values(), ids=UNWRITABLE)
def test_outputs_go_where_users_may_write(twins: Twins, path: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        submitted(twins, outputs={"model": {"path": path}})
    assert refused.value.details[0][0] == "outputs.model.path"
    assert said in refused.value.details[0][1]


def test_a_version_that_is_taken_is_found_before_anything_runs(twins: Twins) -> None:
    with pytest.raises(Invalid, match="m:1 is registered already"):
        submitted(twins, outputs={"model": {"type": "custom_model", "name": "m", "version": 1}})


def test_contents_are_the_same_by_md5_or_else_by_all_that_is_known() -> None:
    file = Content(size=1, etag="a", md5="x")
    assert file.same(Content(size=1, etag="b", md5="x"))
    assert not file.same(Content(size=1, etag="a", md5="y"))
    assert not Content(size=1, etag="a").same(Content(size=1, etag="b"))
