"""Several transfers at once, with one count of bytes, and an end as soon as one fails."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

Item = TypeVar("Item")
Progress = Callable[[int], None]
"""Told how many bytes went over since the last call; less than 0 when some must go again."""

WORKERS = 8


class Stopped(Exception):
    """Another transfer failed, or the user pressed Ctrl-C: this one need not go on."""


def silent(_: int) -> None:
    """Report to nobody."""


def in_parallel(
    work: Callable[[Item, Progress], None], items: Iterable[Item], progress: Progress = silent
) -> None:
    """Call `work(item, report)` for each item in a few threads; raises the first error.

    `progress` is called by one thread at a time. `report` raises Stopped when all should end.
    """
    stop = threading.Event()
    lock = threading.Lock()

    def report(count: int) -> None:
        if stop.is_set():
            raise Stopped
        with lock:
            progress(count)

    with ThreadPoolExecutor(WORKERS, "retrain-transfer") as pool:
        futures = [pool.submit(work, item, report) for item in items]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
