"""Registered data and models, and datastores, as Python calls; `Client` has all of these.

kind: "data" or "models".  reference: a name (its latest version), `wine:3` or `wine@champion`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.parse import quote

from retrain.client import transfers
from retrain.client.connection import Connection
from retrain.client.parallel import Progress, silent
from retrain.client.records import (
    Asset,
    AssetLineage,
    Document,
    ListedAsset,
    OutputFile,
    RunLineage,
)


class AssetCalls:
    """What `Client` can be asked about data, models and datastores."""

    _connection: Connection

    def register_asset(self, kind: str, document: Document) -> Asset:
        """Register a version; without one in the document it is the next number, or the one that
        this very content has. Raises ApiError (409) when the version stands for something else."""
        return cast(Asset, self._connection.json("POST", f"/api/assets/{kind}", body=document))

    def list_assets(self, kind: str, *, archived: bool = False) -> list[ListedAsset]:
        """By name. archived: those that were archived too."""
        found = self._connection.json("GET", f"/api/assets/{kind}", params={"archived": archived})
        return cast(list[ListedAsset], found["assets"])

    def get_asset(self, kind: str, reference: str) -> Asset:
        return cast(Asset, self._connection.json("GET", _asset(kind, reference)))

    def asset_lineage(self, kind: str, reference: str) -> AssetLineage:
        """Which run made the version, and which used it, the newest first."""
        where = f"{_asset(kind, reference)}/lineage"
        return cast(AssetLineage, self._connection.json("GET", where))

    def archive_asset(self, kind: str, reference: str) -> None:
        """Leave it out of lists and of `@latest`. A name alone: all versions, and those to come."""
        self._connection.api("POST", f"{_asset(kind, reference)}/archive")

    def restore_asset(self, kind: str, reference: str) -> None:
        """Undo `archive_asset`."""
        self._connection.api("POST", f"{_asset(kind, reference)}/restore")

    def label_asset(self, kind: str, reference: str, label: str) -> None:
        """Let the label stand for this version, and for no other one of its name."""
        self._connection.api("PUT", f"{_asset(kind, reference)}/labels/{quote(label, safe='')}")

    def asset_files(self, kind: str, reference: str) -> list[OutputFile]:
        found = self._connection.json("GET", f"{_asset(kind, reference)}/files")
        return cast(list[OutputFile], found["files"])

    def download_asset(
        self,
        kind: str,
        reference: str,
        folder: Path,
        progress: Progress = silent,
        files: Sequence[OutputFile] | None = None,
    ) -> list[Path]:
        """Write the version's files (None: all) below `folder`; return where they are."""
        chosen = self.asset_files(kind, reference) if files is None else files
        where = f"{_asset(kind, reference)}/files"
        return transfers.get_files(self._connection, where, chosen, folder, progress)

    def job_lineage(self, name: str) -> RunLineage:
        """What the run read and wrote; who made the one, and who used the other."""
        where = f"/api/jobs/{quote(name, safe='')}/lineage"
        return cast(RunLineage, self._connection.json("GET", where))

    def create_datastore(self, document: Document) -> Document:
        """Create the datastore, or replace the one with its name."""
        return cast(Document, self._connection.json("POST", "/api/datastores", body=document))

    def list_datastores(self) -> list[Document]:
        """Those that somebody created, by name; the built-in ones are always there."""
        return cast(list[Document], self._connection.json("GET", "/api/datastores")["datastores"])

    def get_datastore(self, name: str) -> Document:
        return cast(Document, self._connection.json("GET", _datastore(name)))

    def delete_datastore(self, name: str) -> None:
        """The data stays where it is. Raises ApiError (404) when there is none of that name."""
        self._connection.api("DELETE", _datastore(name))


def _asset(kind: str, reference: str) -> str:
    return f"/api/assets/{kind}/{quote(reference, safe='')}"


def _datastore(name: str) -> str:
    return f"/api/datastores/{quote(name, safe='')}"
