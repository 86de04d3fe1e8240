"""An SDK's error in our words."""

from typing import Final

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.domain.errors import Refused, RetrainError, Transient

#: azure-core's default of 10 can sleep 443 s, longer than a message's lock.
RETRIES: Final = 4
_AGAIN: Final = {408, 409, 412, 425, 429, 500, 502, 503, 504}


def translated(service: str, error: AzureError) -> RetrainError:
    """Transient where asking again may help (the bus does that), else Refused with the code."""
    if isinstance(error, ServiceRequestError | ServiceResponseError):
        return Transient(f"{service} can't be reached: {error.message}", code="Unreachable")
    if isinstance(error, ClientAuthenticationError):
        return Refused(
            f"{service} doesn't accept our identity: {_first_line(error)}",
            code="AuthenticationFailed",
            remedy="Check the role assignments in infra/, or the key of the local stack.",
        )
    code = error_code(error)
    if isinstance(error, HttpResponseError) and error.status_code in _AGAIN:
        return Transient(f"{service}: {code}: {_first_line(error)}", code=code)
    return Refused(
        f"{service} refused: {_first_line(error)}",
        code=code,
        remedy=f"Look up '{code}' in the documentation of {service}.",
    )


def error_code(error: AzureError) -> str:
    """The service's own code (`JobExists`, `BlobNotFound`), or the exception's name."""
    for source in (getattr(error, "error", None), getattr(error, "model", None), error):
        code = getattr(source, "code", None) or getattr(source, "error_code", None)
        if isinstance(code, str) and code:
            return code
    return type(error).__name__


def _first_line(error: AzureError) -> str:
    return (error.message or str(error)).strip().splitlines()[0]
