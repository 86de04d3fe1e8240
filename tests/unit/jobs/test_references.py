"""References to registered things."""

import pytest
from pydantic_core import PydanticCustomError

from shared.jobs.references import (
    AssetReference,
    asset_label,
    asset_name,
    asset_version,
    is_asset_reference,
    parse_asset_reference,
)

GOOD = {
    "azureml:wine:3": AssetReference("wine", version="3"),
    "azureml:wine.v2-x_y:2026-01-01": AssetReference("wine.v2-x_y", version="2026-01-01"),
    "azureml:wine@latest": AssetReference("wine", label="latest"),
    "azureml:wine@champion": AssetReference("wine", label="champion"),
    "azureml:wine": AssetReference("wine", label="latest"),
}
BAD = [
    "azureml:", "azureml::1", "azureml:wine:", "azureml:wine@", "azureml:a/b:1", "azureml:..:1",
    "azureml:wine:..", "azureml:wine:1:2", "azureml:wine@a@b", "azureml:wi ne:1", "wine:1",
]  # fmt: skip


@pytest.mark.parametrize(("text", "means"), GOOD.items(), ids=GOOD)
def test_a_reference_is_read(text: str, means: AssetReference) -> None:
    assert is_asset_reference(text)
    assert parse_asset_reference(text) == means
    assert parse_asset_reference(str(means)) == means


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(PydanticCustomError):
        parse_asset_reference(text)


def test_datastores_and_registries_are_no_references() -> None:
    assert not is_asset_reference("azureml://datastores/x/paths/y")


@pytest.mark.parametrize("text", ["", "..", ".", "a/b", "a b", "a:b", "ä", "-a", "a" * 256, "a."])
def test_names_and_versions_are_of_a_few_characters(text: str) -> None:
    for check in (asset_name, asset_version, asset_label):
        with pytest.raises(PydanticCustomError):
            check(text)


def test_latest_is_no_label_to_set() -> None:
    with pytest.raises(ValueError, match="can't be set"):
        asset_label("latest")
