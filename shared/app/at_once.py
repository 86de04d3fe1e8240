"""Many small calls at once: each waits for the network most of its time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
#: As many as this are done one after another, so that what is small needs no threads.
_FEW: Final = 32
_THREADS: Final = 16


def at_once(items: Sequence[_Item], call: Callable[[_Item], _Answer]) -> list[_Answer]:
    """The answers, in order of the items. Raises what one of the calls raises; others may have been
    made or not."""
    if len(items) <= _FEW:
        return [call(item) for item in items]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="at-once") as pool:
        return [*pool.map(call, items)]
