"""What can go wrong with a job or a run, besides what the client itself raises.

Problem                    retrain.problem
├── InvalidJob             the job or schedule can't be submitted as it is; nothing was sent
│   ├── UnknownAttribute   an attribute that there isn't (an AttributeError, too)
│   └── WrongType          a value that can't be what it is given as (a TypeError, too)
├── UnknownStatus          runs were asked for by a status that there isn't (a ValueError, too)
└── RunFailed              the run that was waited for did not complete
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from retrain.problem import Problem

if TYPE_CHECKING:
    from retrain.sdk.run import Run

SHOWN = 10


class InvalidJob(Problem):
    """`problems` holds one sentence for each fault, with the name of the field in front."""

    exit_code = 2

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - SHOWN
        rest = [f"and {more} more"] * (more > 0)
        super().__init__("\n".join([*self.problems[:SHOWN], *rest]))


class UnknownAttribute(InvalidJob, AttributeError):
    """Raised where the name is written, so that no misspelt one is kept and ignored."""

    def __init__(self, name: str, what: str, known: Iterable[str]) -> None:
        super().__init__([f"{name}: {what} has no such attribute; {nearest(name, known)}"])
        self.name = name


class WrongType(InvalidJob, TypeError):
    """Raised instead of writing a value as text that nobody meant, such as `None`."""


class UnknownStatus(Problem, ValueError):
    """`statuses` are those there are."""

    exit_code = 2

    def __init__(self, status: object, statuses: Iterable[str]) -> None:
        self.statuses = tuple(statuses)
        near = get_close_matches(str(status).capitalize(), self.statuses, n=1)
        meant = f"did you mean '{near[0]}'? " if near else ""
        super().__init__(
            f"status: {status!r} is no status of a run; {meant}there is: {', '.join(statuses)}"
        )


class RunFailed(Problem):
    """`run` is as it ended: Failed or Canceled."""

    def __init__(self, run: "Run") -> None:
        error = run.error
        because = f": {error.message}" if error else ""
        super().__init__(
            f"Run {run.name} is {run.status}{because}".rstrip(".") + ".",
            error.remedy if error else "",
        )
        self.run = run


def nearest(name: str, known: Iterable[str]) -> str:
    """What to write instead: the nearest known name, or all of them."""
    names = [*known]
    near = get_close_matches(name, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(names) or 'none'}"
