"""Registered data and models as objects; `client.data` and `client.models`."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from retrain.sdk.errors import InvalidJob
from retrain.sdk.strict import Strict
from retrain.sdk.values import PathLike, plain

if TYPE_CHECKING:
    from retrain.client import Client


@dataclass(kw_only=True)
class _Registered(Strict):
    """A version of something registered. version: None is the next number.

    path: local (relative to the working directory), or an address as inputs have them.
    labels, archived, made_by: of one that the service has; made_by: {run, output}.
    """

    kind: ClassVar[str]
    plural: ClassVar[str]

    name: str
    path: PathLike
    type: str | None = None
    version: str | int | None = None
    description: str | None = None
    tags: Mapping[str, str] | None = None
    properties: Mapping[str, str] | None = None
    labels: tuple[str, ...] = ()
    archived: bool = False
    made_by: Mapping[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as its file has it."""
        given = {one.name: plain(getattr(self, one.name)) for one in fields(self)}
        written = {k: v for k, v in given.items() if k not in _TOLD and v is not None}
        if self.version is not None:
            written["version"] = str(self.version)
        return written


_TOLD = ("labels", "archived", "made_by")


@dataclass(kw_only=True)
class Data(_Registered):
    """Data under a name. type: uri_file, uri_folder (default) or mltable."""

    kind: ClassVar[str] = "data"
    plural: ClassVar[str] = "data"


@dataclass(kw_only=True)
class Model(_Registered):
    """A model under a name. type: custom_model (default), mlflow_model or triton_model."""

    kind: ClassVar[str] = "model"
    plural: ClassVar[str] = "models"


@dataclass(frozen=True, slots=True)
class AssetName:
    """A name with its versions, in the order of their registration, and its labels' versions."""

    name: str
    versions: tuple[str, ...]
    labels: Mapping[str, str]


class Assets:
    """Versions never change: the same version with another content is an ApiError (409)."""

    def __init__(self, client: "Client", of: type[Data] | type[Model]) -> None:
        self._client = client
        self._of = of

    def create_or_update(self, asset: Data | Model) -> Data | Model:
        """Upload what is local of it, and register it; the same content again is the same version.

        Raises InvalidJob, BadSource, ApiError.
        """
        from retrain.sdk.checking import checked_asset
        from retrain.submit import register

        if not isinstance(asset, self._of):
            raise InvalidJob([f"{type(asset).__name__} is not {self._of.__name__}"])
        return self._made(register(self._client, self._of.plural, checked_asset(asset)))

    def get(
        self, name: str, version: str | int | None = None, label: str | None = None
    ) -> Data | Model:
        """Return one version; without one and without a label the latest. Raises ApiError (404)."""
        return self._made(self._client.get_asset(self._of.plural, _reference(name, version, label)))

    def archive(self, name: str, version: str | int | None = None) -> None:
        """Leave it out of lists and of `latest`. version: None is all, and those to come."""
        self._client.archive_asset(self._of.plural, _reference(name, version, None))

    def download(
        self,
        name: str,
        version: str | int | None = None,
        label: str | None = None,
        download_path: PathLike = ".",
    ) -> list[Path]:
        """Write its files below `download_path`; return where they are."""
        reference = _reference(name, version, label)
        return self._client.download_asset(self._of.plural, reference, Path(download_path))

    def list(self) -> list[AssetName]:
        found = self._client.list_assets(self._of.plural)
        return [AssetName(one["name"], tuple(one["versions"]), one["labels"]) for one in found]

    def _made(self, told: Mapping[str, Any]) -> Data | Model:
        known = {one.name for one in fields(self._of)}
        given = {name: value for name, value in told.items() if name in known}
        return self._of(**{**given, "labels": tuple(told.get("labels") or ())})


def _reference(name: str, version: str | int | None, label: str | None) -> str:
    if version is not None:
        return f"{name}:{version}"
    return name if label is None else f"{name}@{label}"
