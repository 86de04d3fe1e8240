"""The one error of this package."""

from retrain.problem import Problem


class SnapshotRefused(Problem):
    """The code can't be snapshotted as it is: nothing has been sent."""

    exit_code = 2
