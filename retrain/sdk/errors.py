"""What can go wrong with a job or a run, besides what the client itself raises.

Problem                    retrain.problem
├── InvalidJob             the job or schedule can't be submitted as it is; nothing was sent
└── RunFailed              the run that was waited for did not complete
"""

from collections.abc import Iterable
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
