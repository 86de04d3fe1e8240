"""What is wrong in a job file, and where, in the form of compilers, which editors understand."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrain import problem
from retrain.jobfile.places import Place, Places, place_of
from shared.jobs import Field, field_name
from shared.jobs import Problem as Fault


@dataclass(frozen=True, slots=True)
class FileProblem:
    """One fault: where it stands, its field (may be empty), what is wrong, what to write."""

    place: Place
    field: Field
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        name = f"{field_name(self.field)}: " if self.field and not self.place.setting else ""
        return f"{self.place}: {name}{self.message}" + (f"; {self.remedy}" if self.remedy else "")


class JobFileError(problem.Problem):
    """A file that can't be used, with every problem found in it, in the order of their lines.

    `str()` has one line for each: `job.yml:7:3: comand: unknown field; did you mean 'command'?`
    """

    exit_code = 2
    code = "InvalidFile"

    def __init__(self, path: Path, problems: Iterable[FileProblem]) -> None:
        self.path = path
        self.problems = tuple(sorted(problems, key=_order))
        super().__init__("\n".join(str(one) for one in self.problems))


def _order(one: FileProblem) -> tuple[str, int, int]:
    return (str(one.place.path), one.place.line, one.place.column)


def as_document(one: FileProblem) -> dict[str, Any]:
    """A problem for programs; docs/job-language.md promises this shape."""
    return {
        "file": str(one.place.path),
        "line": one.place.line or None,
        "column": one.place.column or None,
        "field": field_name(one.field) or None,
        "message": one.message,
        "remedy": one.remedy or None,
    }


def located(faults: Iterable[Fault], places: Places) -> list[FileProblem]:
    """The job language's problems, each with its place."""
    return [
        FileProblem(place_of(fault.field, places), fault.field, fault.message, fault.remedy)
        for fault in faults
    ]


def whole_file(path: Path, message: str, remedy: str) -> JobFileError:
    """The error of a file as a whole."""
    return JobFileError(path, [FileProblem(Place(path), (), message, remedy)])
