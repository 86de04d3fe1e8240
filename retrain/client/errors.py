"""What can go wrong between here and the service, each with what to do about it.

Problem                    retrain.problem
└── ClientError
    ├── Unreachable        nobody answers at the endpoint
    ├── NotRetrain         somebody answers there, but it is not Retrain
    ├── ApiError           Retrain answers, and says no
    ├── TransferFailed     Blob Storage refused or broke off an upload or a download
    ├── BadSource          a local file or folder that can't be uploaded as it is
    └── UnsafePath         a file of a run that would be written outside the chosen folder
"""

from collections.abc import Sequence
from typing import TypedDict
from urllib.parse import urlsplit

from retrain.problem import Problem

#: Hosts that are this machine.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ClientError(Problem):
    """Every error that the client raises."""


class BadEndpoint(ClientError):
    exit_code = 2

    def __init__(self, endpoint: str) -> None:
        super().__init__(
            f"The endpoint {endpoint!r} is no address.",
            remedy="Write it as http://127.0.0.1:7071 or https://<app>.azurewebsites.net.",
        )


class Detail(TypedDict):
    """One complaint about one field of what was sent; `field` is "" for the whole."""

    field: str
    message: str


class Unreachable(ClientError):
    """Nobody answers at the endpoint."""

    def __init__(self, endpoint: str, cause: str = "", origin: str = "") -> None:
        """origin: who named the endpoint, such as `profile 'cloud' (in profiles.toml)`."""
        because = f" ({cause})" if cause else ""
        whose = f", the address of {origin}" if origin else ""
        here = urlsplit(endpoint).hostname in LOOPBACK
        remedy = "Is the stack up? `retrain up`" if here else "Check the address and the network"
        super().__init__(
            f"Nobody answers at {endpoint}{whose}{because}.",
            remedy=f"{remedy}; `retrain profile show` tells which others there are.",
        )
        self.endpoint = endpoint


class NotRetrain(ClientError):
    def __init__(self, endpoint: str, what: str) -> None:
        super().__init__(
            f"What answers at {endpoint} is not Retrain: {what}.",
            remedy="See `retrain profile show`, and set the endpoint with `retrain profile set`.",
        )
        self.endpoint = endpoint


class ApiError(ClientError):
    """status: of the HTTP answer.  code: a word such as RunNotFound, for programs to compare."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        remedy: str = "",
        details: Sequence[Detail] = (),
    ) -> None:
        super().__init__(message, remedy)
        self.status = status
        self.code = code
        self.details = tuple(details)
        self.exit_code = 2 if status in (400, 413, 422) else 1


class TransferFailed(ClientError):
    """`code` is Blob Storage's own word, such as AuthenticationFailed ("" when it gave none)."""

    def __init__(self, message: str, remedy: str, code: str = "") -> None:
        super().__init__(message, remedy)
        self.code = code


class BadSource(ClientError):
    exit_code = 2


class UnsafePath(ClientError):
    def __init__(self, path: str) -> None:
        super().__init__(
            f"The run has a file named {path!r}, which would be written outside the chosen folder.",
            remedy="It was not downloaded; mend the script that writes it.",
        )
