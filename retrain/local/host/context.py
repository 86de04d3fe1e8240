"""What a function may ask about its own invocation: azure.functions.Context, in full."""

import threading
from dataclasses import dataclass
from typing import Any

import azure.functions as func


class TraceContext(func._abc.TraceContext):
    """Empty: there is no tracing between a laptop's callers and its functions."""

    @property
    def trace_state(self) -> str:
        return ""

    @property
    def trace_parent(self) -> str:
        return ""

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class RetryContext(func._abc.RetryContext):
    """How often this invocation was tried before, by a retry policy."""

    def __init__(self, retry_count: int, max_retry_count: int) -> None:
        self._count = retry_count
        self._max = max_retry_count

    @property
    def retry_count(self) -> int:
        return self._count

    @property
    def max_retry_count(self) -> int:
        return self._max

    @property
    def exception(self) -> Any:
        return None


@dataclass(slots=True)
class Invocation:
    """Plain values of one invocation, made into a Context when the function asks for it."""

    id: str
    function: str
    directory: str
    retry_count: int = 0
    max_retry_count: int = 0


class Context(func.Context):
    """The `context` parameter."""

    def __init__(self, invocation: Invocation, local: threading.local) -> None:
        self._invocation = invocation
        self._local = local

    @property
    def invocation_id(self) -> str:
        return self._invocation.id

    @property
    def thread_local_storage(self) -> Any:
        return self._local

    @property
    def function_name(self) -> str:
        return self._invocation.function

    @property
    def function_directory(self) -> str:
        return self._invocation.directory

    @property
    def trace_context(self) -> TraceContext:
        return TraceContext()

    @property
    def retry_context(self) -> RetryContext:
        return RetryContext(self._invocation.retry_count, self._invocation.max_retry_count)
