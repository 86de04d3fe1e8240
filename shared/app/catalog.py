"""Data and models that people register: from their documents to versions, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.app.assets import Asset, Assets, Kind
from shared.app.contents import Contents
from shared.app.datastores import Datastores
from shared.app.documents import checked
from shared.app.lineage import document_of
from shared.domain.errors import Invalid
from shared.domain.lineage import Content
from shared.jobs.data_asset import DataAsset, ModelAsset
from shared.jobs.data_input import FOLDER_TYPES
from shared.jobs.data_paths import LocalPath, parse_data_path
from shared.jobs.documents import parse_document
from shared.jobs.references import AssetReference
from shared.ports.files import File

#: What the kinds of the registry are called in documents.
DOCUMENTS: Final[Mapping[Kind, str]] = {"data": "data", "models": "model"}


@dataclass(frozen=True, slots=True)
class Catalog:
    assets: Assets
    datastores: Datastores
    contents: Contents

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
        )
        return self.assets.register(kind, wanted.name, record, wanted.version)

    def files(self, asset: Asset) -> tuple[str, Sequence[File]]:
        """The container, and the files of the version as they are now, by their whole paths.

        Raises Invalid for what lies at a public address or in another account: get it there.
        """
        path = parse_data_path(asset.document["path"])
        assert not isinstance(path, LocalPath | AssetReference), "registered with an address"
        place = self.datastores.place(path, bool(asset.document["folder"]))
        if place.public or place.account:
            raise Invalid(
                f"{asset.reference} lies at {place.uri}, outside of this deployment's account.",
                remedy="Download it from there.",
                code="NotHere",
            )
        if place.folder:
            return place.container, self.contents.files.list(place.container, place.path)
        found = self.contents.files.stat(place.container, place.path)
        return place.container, [found] if found else []


def _invalid(message: str, remedy: str) -> Invalid:
    return Invalid(
        f"It can't be registered: path: {message}.",
        remedy=remedy,
        code="InvalidDocument",
        details=[("path", message)],
    )
