"""Data and models that people register: from their documents to versions, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from posixpath import basename
from typing import Any, Final

from pydantic_core import PydanticCustomError

from shared.app.assets import Asset, Assets, Kind
from shared.app.contents import Contents
from shared.app.datastores import Datastores
from shared.app.documents import checked
from shared.app.lineage import document_of
from shared.app.queries import READABLE
from shared.domain.errors import Invalid, NotFound
from shared.domain.lineage import Content, Place
from shared.jobs.data_asset import DataAsset, ModelAsset
from shared.jobs.data_input import FOLDER_TYPES
from shared.jobs.data_paths import LocalPath, Remote, RunOutput, parse_data_path
from shared.jobs.datastore import checked_path
from shared.jobs.documents import parse_document
from shared.jobs.references import LATEST, AssetReference, asset_label, parse_asset_reference
from shared.ports.files import File, Links

#: What the kinds of the registry are called in documents.
DOCUMENTS: Final[Mapping[Kind, str]] = {"data": "data", "models": "model"}


@dataclass(frozen=True, slots=True)
class Catalog:
    assets: Assets
    datastores: Datastores
    contents: Contents
    links: Links

    def register(self, kind: Kind, document: Mapping[str, Any]) -> tuple[Asset, bool]:
        """Register what the document says; True when it is new. Raises Invalid, NotFound, Taken.

        What is there is looked at: a version says which content it had, and other content at the
        same path is another version.
        """
        wanted = checked(lambda given: parse_document(given, DOCUMENTS[kind]), document)
        assert isinstance(wanted, DataAsset | ModelAsset)
        path = parse_data_path(wanted.path)
        if isinstance(path, LocalPath | AssetReference):
            remedy = f"Send it with `retrain {DOCUMENTS[kind]} create -f`, which uploads it first."
            raise _invalid(f"'{path}' is a path on somebody's own disk", remedy)
        folder = wanted.type in FOLDER_TYPES or wanted.path.endswith("/")
        place = self.datastores.place(path, folder)
        if wanted.type == "custom_model":
            place = self.contents.settled(place)
        content: Content | None = None
        if not place.public:
            content = self.contents.at(place)
            if content is None:
                what = "no file below" if place.folder else "nothing at"
                raise _invalid(f"there is {what} {place.uri}", "Check it, or upload it first.")
        record = document_of(
            wanted.type,
            place,
            content,
            description=wanted.description,
            tags=wanted.tags,
            properties=wanted.properties,
            made_by=_maker(path),
        )
        return self.assets.register(kind, wanted.name, record, wanted.version)

    def find(self, kind: Kind, reference: str) -> Asset:
        """reference: a name, `wine:3` or `wine@latest`. Raises Invalid, NotFound."""
        return self.assets.resolve(kind, _reference(reference))

    def archive(self, kind: Kind, reference: str, *, back: bool = False) -> None:
        """A name alone: all of it. back: undo that. Raises Invalid, NotFound, Conflict."""
        wanted = _reference(reference)
        version = None
        if wanted.version or wanted.label != LATEST or reference.endswith(f"@{LATEST}"):
            version = self.assets.resolve(kind, wanted).version
        self.assets.archive(kind, wanted.name, version, back=back)

    def label(self, kind: Kind, reference: str, label: str) -> None:
        """Let the label stand for that version. Raises Invalid, NotFound, Conflict."""
        asset = self.find(kind, reference)
        try:
            asset_label(label)
        except PydanticCustomError as error:
            remedy = str((error.context or {}).get("remedy", ""))
            raise Invalid(
                f"{error.message()}.",
                remedy=f"{remedy[:1].upper()}{remedy[1:]}.",
                code="InvalidLabel",
            ) from error
        self.assets.set_label(kind, asset.name, label, asset.version)

    def files(self, asset: Asset) -> Sequence[File]:
        """What is there now, by path below the version's own. Raises Invalid: see `_place`."""
        place = self._place(asset)
        if not place.folder:
            found = self.contents.files.stat(place.container, place.path, place.account)
            return [replace(found, path=basename(place.path))] if found else []
        listed = self.contents.files.list(place.container, place.path, place.account)
        return [replace(file, path=file.path.removeprefix(place.path)) for file in listed]

    def link(self, asset: Asset, path: str) -> str:
        """Where the file can be read for a quarter of an hour. Raises Invalid, NotFound."""
        place = self._place(asset)
        try:
            whole = place.path + checked_path(path) if place.folder else place.path
        except ValueError as error:
            raise Invalid(f"{error}.", code="BadPath") from error
        named = place.folder or path == basename(place.path)
        if not named or self.contents.files.stat(place.container, whole, place.account) is None:
            raise NotFound("file", path, f"It is not among the files of {asset.reference}.")
        return self.links.reading(place.container, whole, READABLE, place.account)

    def _place(self, asset: Asset) -> Place:
        """Raises Invalid for what lies at a public address: it is to be had there."""
        path = parse_data_path(asset.document["path"])
        assert not isinstance(path, LocalPath | AssetReference), "registered with an address"
        place = self.datastores.place(path, bool(asset.document["folder"]))
        if place.public:
            raise Invalid(
                f"{asset.reference} lies at {place.uri}, outside of this deployment.",
                remedy="Download it from there.",
                code="NotHere",
            )
        return place


def _maker(path: Remote) -> dict[str, str] | None:
    if not isinstance(path, RunOutput):
        return None
    return {"run": path.run, "output": path.output or path.path}


def _reference(text: str) -> AssetReference:
    try:
        return parse_asset_reference(f"azureml:{text.removeprefix('azureml:')}")
    except ValueError as error:
        raise Invalid(
            f"{error}.",
            remedy="Write a name, <name>:<version> or <name>@<label>.",
            code="BadReference",
        ) from error


def _invalid(message: str, remedy: str) -> Invalid:
    return Invalid(
        f"It can't be registered: path: {message}.",
        remedy=remedy,
        code="InvalidDocument",
        details=[("path", message)],
    )
