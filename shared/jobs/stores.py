"""Datastores of one's own: a container in some storage account, under a short name.

They hold no keys. The deployment reads and writes with its own identity, and hands nodes addresses
that are signed for hours; a key in a datastore's file would lie in the registry for all to read.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from shared.jobs.data_paths import CONTAINER
from shared.jobs.datastore import CONTAINERS, STORE_NAME
from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import Tags, Text

_ACCOUNT_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_USE_BLOB = "copy the data to Blob Storage, and write `type: azure_blob`"
_NOT_YET: Mapping[str, str] = {
    "azure_file": _USE_BLOB,
    "azure_data_lake_gen1": "Azure has retired it; move the data to `azure_data_lake_gen2`",
    "one_lake": _USE_BLOB,
    "hdfs": _USE_BLOB,
}
Type = Literal["azure_blob", "azure_data_lake_gen2"]


def store_name(name: str) -> str:
    """Letters, digits and _, 255 at most, and not one of the built-in names. Raises a refusal."""
    if not STORE_NAME.fullmatch(name):
        raise refusal(f"'{name[:80]}' can't be a datastore's name", "use letters, digits and _")
    if name in CONTAINERS:
        raise refusal(f"'{name}' is built in", "take another name")
    return name


def _account(name: str) -> str:
    if not 3 <= len(name) <= 24 or not _ACCOUNT_CHARACTERS.issuperset(name):
        raise refusal(
            f"'{name[:80]}' can't be a storage account", "use 3 to 24 lower case letters and digits"
        )
    return name


def _container(name: str) -> str:
    if not CONTAINER.fullmatch(name):
        raise refusal(
            f"'{name[:80]}' can't be a container", "use 3 to 63 lower case letters, digits and -"
        )
    return name


def _endpoint(text: str) -> str:
    host = text.removeprefix("https://").rstrip("/")
    if not host.startswith("core.") or not _ACCOUNT_CHARACTERS.issuperset(host.replace(".", "")):
        raise refusal(f"'{text[:80]}' is no endpoint of Azure Storage", "write core.windows.net")
    return host


def _no_credentials(value: Any) -> Any:
    if value is None or value == {}:
        return None
    raise refusal(
        "keys, SAS tokens and client secrets are not kept: they would lie in the registry in clear",
        "leave `credentials` out, and give the deployment's identity the role Storage Blob Data "
        "Contributor on the account",
    )


class Datastore(Document):
    """A container (azure_blob) or a file system (azure_data_lake_gen2) of a storage account."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "properties": "use `tags`",
        "file_share_name": _USE_BLOB,
        "store_name": "Azure has retired Data Lake gen1",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    type: Type = Field(description="What it is in Azure.")
    name: Annotated[str, AfterValidator(store_name)] = Field(
        description="As in azureml://datastores/<name>/paths/<path>: letters, digits and _."
    )
    description: Text | None = Field(default=None, description="For people.")
    tags: Tags = Field(default={}, description="For people.")
    account_name: Annotated[str, AfterValidator(_account)] = Field(
        description="The storage account."
    )
    container_name: Annotated[str, AfterValidator(_container)] | None = Field(
        default=None, description="Of an azure_blob."
    )
    filesystem: Annotated[str, AfterValidator(_container)] | None = Field(
        default=None, description="Of an azure_data_lake_gen2."
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        default="core.windows.net", description="The cloud's; core.windows.net is the public one."
    )
    protocol: Literal["https", "wasbs", "abfss"] = Field(
        default="https", description="All mean the Blob service over TLS."
    )
    credentials: Annotated[None, BeforeValidator(_no_credentials)] = Field(
        default=None, description="None: the deployment's identity is used. Keys are refused."
    )

    @property
    def container(self) -> str:
        found = self.container_name or self.filesystem
        assert found is not None, "validated"
        return found

    @model_validator(mode="before")
    @classmethod
    def _is_of_a_known_type(cls, value: Any) -> Any:
        """Said alone: the other fields of such a store would only be called strange."""
        kind = value.get("type") if isinstance(value, Mapping) else None
        if isinstance(kind, str) and kind in _NOT_YET:
            told = refusal(f"datastores of type '{kind}' are not supported yet", _NOT_YET[kind])
            error = InitErrorDetails(type=told, loc=("type",), input=kind)
            raise ValidationError.from_exception_data("datastore", [error])
        return value

    @model_validator(mode="after")
    def _has_its_container(self) -> "Datastore":
        wanted, other = "container_name", "filesystem"
        if self.type == "azure_data_lake_gen2":
            wanted, other = other, wanted
        if getattr(self, wanted) is None:
            raise refusal(f"{self.type} needs `{wanted}`", f"add `{wanted}:`")
        if getattr(self, other) is not None:
            raise refusal(f"`{other}` is not a field of {self.type}", f"write `{wanted}:`")
        return self
