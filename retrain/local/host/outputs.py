"""Output bindings, applied after the function has succeeded and never before.

An output that fails makes the invocation fail, so the trigger tries again.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from retrain.local.host.errors import AppRefused
from retrain.local.host.functions import Binding, Function
from retrain.local.host.invocations import Invocations, Outcome
from retrain.local.host.queues import Send

#: Applies the outputs other than the HTTP response; False when one failed.
Apply = Callable[[Function, Outcome], Awaitable[bool]]


class Outputs:
    """Sends what functions left in their outputs. Raises AppRefused when there is nowhere to."""

    def __init__(
        self, functions: tuple[Function, ...], send: Send | None, invocations: Invocations
    ) -> None:
        self._send = send
        self._invocations = invocations
        for function in functions:
            for binding in function.outputs:
                self._check(function, binding)

    async def apply(self, function: Function, outcome: Outcome) -> bool:
        """Apply all outputs but the HTTP response; False when one failed (counted, logged)."""
        for binding in function.outputs:
            value = outcome.values.get(binding.name)
            if binding.type != "serviceBus" or value is None:
                continue
            try:
                await self._put(binding.text("queueName") or binding.text("topicName"), value)
            except Exception as error:  # noqa: BLE001 - the queue's or the value's fault: told alike
                self._invocations.failed(function, f"output {binding.name}", error)
                return False
        return True

    async def _put(self, entity: str, value: Any) -> None:
        assert self._send is not None  # checked at start
        if not isinstance(value, str | bytes):  # the worker converts nothing else, no list either
            raise TypeError(f"a Service Bus output takes str or bytes, not {type(value).__name__}")
        await self._send(entity, value.encode() if isinstance(value, str) else value)

    def _check(self, function: Function, binding: Binding) -> None:
        if binding.type != "serviceBus":
            return
        if not binding.text("queueName") and not binding.text("topicName"):
            raise AppRefused(
                f"Function '{function.name}', binding '{binding.name}': it names neither a queue "
                "nor a topic."
            )
        if self._send is None:
            raise AppRefused(
                f"Function '{function.name}', binding '{binding.name}' sends to Service Bus, and "
                "the host was started without one."
            )
