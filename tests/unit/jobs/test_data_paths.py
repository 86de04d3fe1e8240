"""Addresses of data: each form is told from the others, and no text makes the reader stumble."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from shared.jobs.data_paths import (
    BlobAddress,
    DataPath,
    LocalPath,
    PublicFile,
    RunOutput,
    is_remote,
    parse_data_path,
)
from shared.jobs.datastore import DatastorePath
from shared.jobs.references import AssetReference

CLOUD = "core.windows.net"
FORMS: dict[str, DataPath] = {
    "data/rows.csv": LocalPath("data/rows.csv"),
    "C:\\rows.csv": LocalPath("C:\\rows.csv"),
    "azureml:wine:3": AssetReference("wine", version="3"),
    "azureml:wine@best": AssetReference("wine", label="best"),
    "azureml://datastores/mine/paths/a/b": DatastorePath("mine", "a/b"),
    "azureml://datastores/mine/paths/": DatastorePath("mine", ""),
    f"wasbs://cont@acc.blob.{CLOUD}/a/b": BlobAddress("acc", CLOUD, "cont", "a/b"),
    f"wasbs://acc.blob.{CLOUD}/cont/a/b": BlobAddress("acc", CLOUD, "cont", "a/b"),
    f"abfss://cont@acc.dfs.{CLOUD}/a/": BlobAddress("acc", CLOUD, "cont", "a/"),
    f"abfss://cont@acc.dfs.{CLOUD}": BlobAddress("acc", CLOUD, "cont", ""),
    f"https://acc.blob.{CLOUD}/cont/a%20b": BlobAddress("acc", CLOUD, "cont", "a b"),
    f"https://acc.blob.{CLOUD}/cont/a?snapshot=1": PublicFile(
        f"https://acc.blob.{CLOUD}/cont/a?snapshot=1"
    ),
    "https://example.org/a.csv?x=1": PublicFile("https://example.org/a.csv?x=1"),
    "http://127.0.0.1:8000/a.csv": PublicFile("http://127.0.0.1:8000/a.csv"),
    "azureml://jobs/r-1/outputs/model": RunOutput("r-1", "model", ""),
    "azureml://jobs/r-1/outputs/model/paths/a": RunOutput("r-1", "model", "a"),
    "azureml://jobs/r-1/outputs/artifacts/paths/m/": RunOutput("r-1", None, "m/"),
    "runs:/r-1/m": RunOutput("r-1", None, "m"),
}
_PIECES = ["azureml:", "//", "datastores/", "paths/", "jobs/", "outputs/", "wasbs:", "abfss:", "@"]
_PIECES += ["https:", "runs:/", ".blob.core.windows.net", "acc", "..", "/", "?sig=", "[", "]", ":"]
texts = st.lists(st.sampled_from(_PIECES) | st.text(max_size=5), max_size=10).map("".join)


@pytest.mark.parametrize(("text", "means"), FORMS.items(), ids=FORMS)
def test_a_form_is_told_from_the_others(text: str, means: DataPath) -> None:
    assert parse_data_path(text) == means
    assert is_remote(text) != isinstance(means, LocalPath)


@given(texts)
@example("https://[")
@example("wasbs://acc.blob.core.windows.net/co%2e%2e/..%2f..")
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_data_path(text)
    except PydanticCustomError:
        return
    assert parse_data_path(str(found)) == found, "and its own form means the same"
    if not isinstance(found, LocalPath | PublicFile | AssetReference):
        assert ".." not in found.path.split("/")


def test_a_public_file_has_a_name_of_its_own() -> None:
    names = {
        "https://x.org/a%20b.csv?c=d/e": "a b.csv",
        "https://x.org/": "download",
        "https://x.org/..": "download",
        "https://x.org/a%2F..": "download",
        "https://x.org/%2Fetc%2Fpasswd": "passwd",
    }
    assert {url: PublicFile(url).name for url in names} == names
