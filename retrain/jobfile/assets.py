"""Files of data, models and datastores, read and checked, with the local path they name."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrain.jobfile.errors import FileProblem, JobFileError, located
from retrain.jobfile.includes import beside
from retrain.jobfile.local_files import data_fault
from retrain.jobfile.overrides import overridden
from retrain.jobfile.places import place_of
from retrain.jobfile.source import Source, read_source, refuse_other_kind
from shared.jobs import InvalidDocument, dump, is_remote, parse_document
from shared.jobs.document import Document

#: What a file is that doesn't say its type.
_DEFAULT_TYPES = {"data": "uri_folder", "model": "custom_model"}


@dataclass(frozen=True, slots=True)
class AssetFile:
    """document: plain JSON data; its `path` as written. local: the absolute path that means, which
    exists; None when the data lies elsewhere already."""

    document: dict[str, Any]
    local: Path | None


def read_asset(path: Path, kind: str, overrides: Mapping[str, str] | None = None) -> AssetFile:
    """Read a file of data or of a model. kind: "data" or "model". Raises JobFileError."""
    return asset_file(overridden(read_source(path), overrides or {}), kind)


def asset_file(source: Source, kind: str) -> AssetFile:
    """What a file's content asks for; see read_asset."""
    refuse_other_kind(source, kind)
    local, problems = _local(source, kind)
    document = _parsed(source, kind, problems)
    return AssetFile(dump(document), local)


def read_datastore(path: Path, overrides: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Read a datastore's document. Raises JobFileError."""
    source = overridden(read_source(path), overrides or {})
    return dump(_parsed(source, "datastore", []))


def _parsed(source: Source, kind: str, problems: list[FileProblem]) -> Document:
    try:
        document = parse_document(source.document, kind)
    except InvalidDocument as error:
        problems = [*located(error.problems, source.places), *problems]
        raise JobFileError(source.path, problems) from None
    if problems:
        raise JobFileError(source.path, problems)
    return document


def _local(source: Source, kind: str) -> tuple[Path | None, list[FileProblem]]:
    written, field = source.document.get("path"), ("path",)
    if not isinstance(written, str) or not written or is_remote(written):
        return None, []
    place = place_of(field, source.places)
    path = beside(place, written)
    data_type = source.document.get("type") or _DEFAULT_TYPES[kind]
    fault = data_fault(str(data_type), path, place)
    return path.resolve(), [FileProblem(place, field, *fault)] if fault else []
