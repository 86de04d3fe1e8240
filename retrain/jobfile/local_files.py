"""What a job file points to on this machine: the code, and the data that must be uploaded."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from retrain.jobfile.errors import FileProblem
from retrain.jobfile.includes import beside
from retrain.jobfile.places import Place, Places, place_of
from retrain.snapshot.includes import exists
from shared.jobs import Build, DataInput, Field, is_remote
from shared.jobs.data_input import FOLDER_TYPES


@dataclass(slots=True)
class LocalFiles:
    """Absolute paths; problems for those that are not there or not what they should be."""

    code: Path | None = None
    includes: list[Path] = field(default_factory=list)
    context: Path | None = None
    inputs: dict[str, Path] = field(default_factory=dict)
    problems: list[FileProblem] = field(default_factory=list)


def find_local_files(job: Any, places: Places, at: Field = ()) -> LocalFiles:
    """job: as written, so that what is missing is told beside what is mistyped; what can't be read
    is passed over. at: where in the document it stands, `("create_job",)` in a schedule."""
    found = LocalFiles()
    if not isinstance(job, Mapping):
        return found
    for name, item in _local_inputs(job.get("inputs")):
        where = (*at, "inputs", name, "path")
        assert item.path is not None, "a local input has a path"
        place = place_of(where, places)
        path = beside(place, item.path)
        found.inputs[name] = path.resolve()
        found.problems += _faults(where, places, data_fault(item.type, path, place))
    _find_context(found, job.get("environment"), places, (*at, "environment"))
    code = job.get("code")
    if isinstance(code, str) and code and not is_remote(code):
        place = place_of((*at, "code"), places)
        path = beside(place, code)
        found.code = path.resolve()
        found.problems += _faults((*at, "code"), places, _code_fault(path, place))
    for index, path in _includes(job.get("additional_includes"), places, at):
        found.includes.append(path)
        where = (*at, "additional_includes", index)
        fault = None if exists(path) else missing(path, place_of(where, places))
        found.problems += _faults(where, places, fault)
    return found


def _includes(written: Any, places: Places, at: Field) -> Iterator[tuple[int, Path]]:
    for index, name in enumerate(written if isinstance(written, list) else ()):
        if isinstance(name, str) and name:
            yield index, beside(place_of((*at, "additional_includes", index), places), name)


def _find_context(found: LocalFiles, environment: Any, places: Places, at: Field) -> None:
    """The folder of an environment's Docker build, with the Dockerfile in it."""
    with suppress(ValidationError, AttributeError):
        build = Build.model_validate(environment.get("build"))
        if build.digest is not None:
            return
        where = (*at, "build", "path")
        place = place_of(where, places)
        folder = beside(place, build.path)
        found.context = folder.resolve()
        if not folder.is_dir():
            fault = missing(folder, place) if not folder.exists() else (
                f"'{folder}' is not a folder", "name the folder of the Dockerfile"
            )  # fmt: skip
            found.problems += _faults(where, places, fault)
            return
        file = folder / build.dockerfile_path
        inside = file.resolve().is_relative_to(folder.resolve())
        if not file.is_file() or not inside:
            what = "does not exist" if inside else "leads out of the build context"
            fault = (f"'{file}' {what}", "write a path relative to `build.path`")
            found.problems += _faults((*at, "build", "dockerfile_path"), places, fault)


def _local_inputs(inputs: Any) -> Iterator[tuple[str, DataInput]]:
    for name, written in inputs.items() if isinstance(inputs, Mapping) else ():
        with suppress(ValidationError):
            item = DataInput.model_validate(written)
            if item.local:
                yield name, item


def _faults(where: Field, places: Places, fault: tuple[str, str] | None) -> Iterator[FileProblem]:
    if fault:
        yield FileProblem(place_of(where, places), where, *fault)


def missing(path: Path, place: Place) -> tuple[str, str]:
    """What is said of a path that isn't there, as written at the place: a message and a remedy."""
    if "~" in (part[:1] for part in path.parts):
        return f"'{path}' does not exist", "write the whole path: ~ is not expanded here"
    if "\\" in str(path):
        return f"'{path}' does not exist", "separate folders with /"
    return f"'{path}' does not exist", f"paths are relative to {place.folder}"


def _code_fault(path: Path, place: Place) -> tuple[str, str] | None:
    if not path.exists():
        return missing(path, place)
    if path.resolve() in (Path("/"), Path.home()):
        return f"'{path}' is far too much to send", "put the code in a folder of its own"
    if not path.is_dir() and not path.is_file():
        return f"'{path}' is neither a folder nor a file", "name a folder"
    return None


#: A file that tells what kind of folder it is.
_TELLING = {"mltable": "MLTable", "mlflow_model": "MLmodel"}


def data_fault(kind: str, path: Path, place: Place) -> tuple[str, str] | None:
    """What is wrong with a local path, written at the place, as data of this type: a message and
    a remedy; or None."""
    if not path.exists():
        return missing(path, place)
    if kind == "uri_file" and not path.is_file():
        other = "a folder" if path.is_dir() else "no regular file"
        return f"'{path}' is {other}, not a file", "write `type: uri_folder`, or name a file"
    if kind in FOLDER_TYPES and not path.is_dir():
        other = "uri_file" if kind in ("uri_folder", "mltable") else "custom_model"
        return f"'{path}' is not a folder", f"write `type: {other}`, or name a folder"
    if path.is_dir() and not any(file.is_file() for file in path.rglob("*")):
        return f"the folder '{path}' has no file in it", "put the data in it"
    telling = _TELLING.get(kind)
    if telling and not (path / telling).is_file():
        other = "uri_folder" if kind == "mltable" else "custom_model"
        return f"the folder '{path}' has no file {telling}", f"write `type: {other}`, or add it"
    return None
