"""From what a job says to what there is: each input's and output's place, and its exact content."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

from shared.app.assets import Asset, Assets
from shared.app.contents import Contents
from shared.app.datastores import Datastores
from shared.domain.errors import Invalid, NotFound, Permanent
from shared.domain.lineage import Place, Read, Registered, Written
from shared.jobs import CommandJob, DataInput, LiteralInput, Output, substitute
from shared.jobs.data_input import FOLDER_TYPES, MODEL_TYPES
from shared.jobs.data_paths import DataPath, LocalPath, parse_data_path
from shared.jobs.references import AssetReference

AssetKind = Literal["data", "models"]
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Resolver:
    assets: Assets
    datastores: Datastores
    contents: Contents

    def reads(self, job: CommandJob) -> tuple[Read, ...]:
        """What the job reads, as it is this moment. Raises Invalid, with every input's field."""
        given = [
            (name, item)
            for name, item in job.inputs.items()
            if isinstance(item, DataInput) and item.path is not None
        ]
        return _collected(
            (f"inputs.{name}.path", partial(self._read, job, name, item)) for name, item in given
        )

    def writes(self, job: CommandJob, run: str) -> tuple[Written, ...]:
        """Where the outputs with a path of their own go. Raises Invalid, as `reads` does.

        A version that is to be registered and is taken is found here too, before anything runs.
        """
        outputs = job.outputs.items()
        _collected(
            (f"outputs.{name}.version", partial(self._check_free, out)) for name, out in outputs
        )
        return _collected(
            (f"outputs.{name}.path", partial(self._write, job, run, name, out))
            for name, out in outputs
            if out.path is not None
        )

    def _read(self, job: CommandJob, name: str, item: DataInput) -> Read:
        assert item.path is not None
        path, asset = parse_data_path(filled(job, item.path, {})), None
        kind: str = item.type
        if isinstance(path, AssetReference):
            found = self.assets.resolve(kind_of(kind), path)
            kind, path = _asset_type(kind, found), parse_data_path(found.document["path"])
            asset = Registered(kind=kind_of(kind), name=found.name, version=found.version)
        place = self._place(path, kind)
        if place.public or item.mode == "direct":
            return Read(input=name, place=place, asset=asset)
        content = self.contents.at(place)
        if content is None:
            what = "folder with files" if place.folder else "file"
            raise NotFound(what, place.uri, "Check the path, or upload the data first.")
        return Read(input=name, place=place, asset=asset, content=content)

    def _place(self, path: DataPath, kind: str) -> Place:
        assert not isinstance(path, AssetReference | LocalPath), "checked at the door"
        folder = kind in FOLDER_TYPES or (kind == "custom_model" and str(path).endswith("/"))
        place = self.datastores.place(path, folder)
        return self.contents.settled(place) if kind == "custom_model" else place

    def _write(self, job: CommandJob, run: str, name: str, output: Output) -> Written:
        assert output.path is not None
        path = parse_data_path(filled(job, output.path, {"name": run, "output_name": name}))
        assert not isinstance(path, AssetReference | LocalPath), "checked by the language"
        return Written(output=name, place=self.datastores.writable(path, output.folder))

    def _check_free(self, output: Output) -> None:
        if output.name is None or output.version is None:
            return
        try:
            self.assets.get(kind_of(output.type), output.name, output.version)
        except NotFound:
            return
        raise Invalid(
            f"{output.name}:{output.version} is registered already.",
            remedy="Leave `version` out for the next number, or write another one.",
        )


def kind_of(data_type: str) -> AssetKind:
    """Where things of this type are registered."""
    return "models" if data_type in MODEL_TYPES else "data"


def filled(job: CommandJob, path: str, values: Mapping[str, str]) -> str:
    """The path with its bindings filled in: `values`, and the job's literal inputs.

    Raises Invalid when what comes out is no path: a value may hold anything.
    """
    literals = {
        f"inputs.{name}": item.text or ""
        for name, item in job.inputs.items()
        if isinstance(item, LiteralInput)
    }
    text = substitute(path, {**literals, **values})
    try:
        parse_data_path(text)
    except ValueError as error:
        raise Invalid(f"'{path}' becomes '{text[:200]}': {error}.") from error
    return text


def _asset_type(wanted: str, asset: Asset) -> str:
    """The type to read the asset as. Raises Invalid when it is not of the kind that was asked for.

    Every folder can be read as a uri_folder, and every model as a custom_model.
    """
    found = str(asset.document["type"])
    fits = wanted in (found, "custom_model") or (wanted, found) == ("uri_folder", "mltable")
    if not fits:
        raise Invalid(
            f"{asset.reference} is of type {found}, not {wanted}.",
            remedy=f"Write `type: {found}`.",
        )
    return found


def _collected(work: Iterable[tuple[str, Callable[[], _T]]]) -> tuple[_T, ...]:
    """All results; or Invalid with what went wrong, by field. Transient goes through."""
    done, details = [], []
    for field, step in work:
        try:
            done.append(step())
        except Permanent as error:
            details.append((field, f"{error.message} {error.remedy}".strip()))
    if details:
        raise Invalid(
            f"The job can't be run as it is: {details[0][0]}: {details[0][1]}",
            remedy="Mend what is named, and submit it again.",
            code="InvalidJob",
            details=details,
        )
    return tuple(done)
