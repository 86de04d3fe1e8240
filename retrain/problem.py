"""What went wrong and what to do, for a person at a terminal.

    Problem                 retrain.problem
    ├── SnapshotRefused     retrain.snapshot   the code folder can't be sent as it is
    ├── ProfileProblem      retrain.profile    the profile file, or what it lacks
    └── ClientError         retrain.client     see retrain/client/errors.py for its own tree

The command line prints these in one or two lines and never shows a traceback for them.
"""


class Problem(Exception):
    """`message` says what happened, `remedy` what to do about it ("" when nothing is known).

    `exit_code` is what the command ends with: 2 for a bad file or bad usage, 1 for a failure.
    `code` is a word for programs to compare; "" stands for the class's name.
    """

    exit_code = 1
    code = ""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()
