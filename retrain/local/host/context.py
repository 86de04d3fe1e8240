"""What a function may ask about its own invocation: azure.functions.Context, in full."""

import threading
import traceback
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Retries:
    """How often an invocation was tried before by its retry policy, and how that ended."""

    count: int = 0
    most: int = 0
    last: BaseException | None = None


@dataclass(frozen=True, slots=True)
class RpcException:
    """A failure as the worker is told of it: text only."""

    message: str
    source: str
    stack_trace: str


class RetryContext(func._abc.RetryContext):
    """How often this invocation was tried before, by a retry policy."""

    def __init__(self, retries: Retries) -> None:
        self._retries = retries

    @property
    def retry_count(self) -> int:
        return self._retries.count

    @property
    def max_retry_count(self) -> int:
        return self._retries.most

    @property
    def exception(self) -> Any:
        last = self._retries.last
        if last is None:
            return None
        trace = "".join(traceback.format_exception(last))
        return RpcException(f"{type(last).__name__}: {last}", "", trace)


@dataclass(slots=True)
class Invocation:
    """Plain values of one invocation, made into a Context when the function asks for it."""

    id: str
    function: str
    directory: str
    retries: Retries = field(default_factory=Retries)


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
        return RetryContext(self._invocation.retries)
