"""The service's failure codes, and what a wait status means.

Codes and messages are those of the service's TaskFailureInformationCodes and of failures that users
report; details carry what helps: the file, the program, the engine's words.

A process killed by signal N has exit code 128 + N, as a shell and a container engine say it, and as
users of Linux nodes see it (137 for a process out of memory). One that outlived its limit is
reported as the service does: code TaskEnded, the limit named in the details, and the exit code of
the kill.
"""

from __future__ import annotations

import os
import signal
from typing import Final

from retrain.local.batch.execution import Failure, Outcome

KILLED: Final = 128 + signal.SIGKILL


class Broken(Exception):
    """An execution that can't go on; carries the failure that the service reports."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def user_error(code: str, message: str, /, **details: str) -> Broken:
    """A failure of what the user asked for; a detail is named by its keyword, in PascalCase."""
    named = tuple((name[0].upper() + name[1:], value) for name, value in details.items())
    return Broken(Failure("usererror", code, message, named))


def ended(status: int) -> Outcome:
    """The outcome of a process that ended by itself, from its wait status."""
    code = os.waitstatus_to_exitcode(status)
    return exited(code if code >= 0 else 128 - code)


def exited(code: int) -> Outcome:
    """The outcome of a process that ended with this exit code, 0 to 255."""
    if code == 0:
        return Outcome(0, None)
    message = "The task exited with an exit code representing a failure"
    return Outcome(
        code, Failure("usererror", "FailureExitCode", message, (("ExitCode", str(code)),))
    )


def timed_out(seconds: float) -> Outcome:
    """The outcome of a process killed at its limit."""
    details = (
        ("Message", "The maximum execution time configured on the task was exceeded"),
        ("AdditionalErrorCode", "FailureExitCode"),
        ("MaxWallClockTimeSeconds", f"{seconds:g}"),
    )
    return Outcome(
        KILLED, Failure("usererror", "TaskEnded", "Task Was Ended by User Request", details)
    )


def terminated() -> Outcome:
    """The outcome of an execution that was asked to end."""
    return Outcome(None, Failure("usererror", "TaskEnded", "Task Was Ended by User Request"))


def guard_lost() -> Outcome:
    """The outcome of a process whose guard was killed from outside: nobody knows how it ended."""
    message = "The process that kept the task was killed; the task was ended with it"
    return Outcome(None, Failure("servererror", "TaskLost", message))


def node_failed(error: OSError) -> Outcome:
    """The outcome of an execution that this machine could not do its part for: a full disk, say."""
    details = (("Message", str(error)),)
    return Outcome(None, Failure("servererror", "NodeFailed", "The node failed the task", details))
