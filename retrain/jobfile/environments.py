"""Environment files: read, checked, with the folder of their Docker build found."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from retrain.jobfile.errors import FileProblem, JobFileError
from retrain.jobfile.includes import with_conda_file
from retrain.jobfile.local_files import find_local_files
from retrain.jobfile.places import Places, below, place_of
from retrain.jobfile.source import read_source, refuse_other_kind
from shared.jobs import Field, InvalidDocument, dump_environment, parse_environment

_QUOTED = re.compile(r"'([^']+)'")


@dataclass(frozen=True, slots=True)
class EnvironmentFile:
    """An environment, ready but for the upload of `context`, the folder of its Docker build.

    document: plain JSON data with the conda file's content; `build.path` still as written.
    """

    path: Path
    document: dict[str, Any]
    context: Path | None
    places: Places = field(default_factory=dict)

    def blamed(self, reason: str) -> list[FileProblem]:
        """What of a failed build's reason is about a package in this file, with its place."""
        return [problem for line in reason.splitlines() for problem in self._about(line)]

    def _about(self, line: str) -> Iterator[FileProblem]:
        quoted = _QUOTED.match(line)
        for where, spec in self._packages() if quoted else ():
            assert quoted is not None
            if quoted[1] in (spec, _name(spec)):
                yield FileProblem(place_of(where, self.places), where, line)

    def _packages(self) -> Iterator[tuple[Field, str]]:
        conda = self.document.get("conda_file") or {}
        for index, item in enumerate(conda.get("dependencies", ())):
            at: Field = ("conda_file", "dependencies", index)
            if isinstance(item, str):
                yield at, " ".join(item.split())
                continue
            for number, line in enumerate(item["pip"]):
                yield (*at, "pip", number), " ".join(line.split())


def _name(spec: str) -> str:
    return re.split(r"[\s=<>!~\[]", spec.rpartition("::")[2], maxsplit=1)[0].lower()


def read_environment(path: Path) -> EnvironmentFile:
    """Read an environment file. Raises JobFileError."""
    source = read_source(path)
    refuse_other_kind(source, "environment")
    source = with_conda_file(source)
    wrapped = {"environment": source.document}
    places = below(("environment",), source.places)
    files = find_local_files(wrapped, {**places, (): source.places[()]})
    # They are found as those of a job are, and told as those of this file.
    local = [replace(problem, field=problem.field[1:]) for problem in files.problems]
    try:
        environment = parse_environment(source.document)
    except InvalidDocument as error:
        problems = [*source.located(error.problems), *local]
        raise JobFileError(source.path, problems) from None
    if source.problems or local:
        raise JobFileError(source.path, [*source.problems, *local])
    return EnvironmentFile(path, dump_environment(environment), files.context, source.places)
