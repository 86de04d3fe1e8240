"""Bars for uploads and downloads on a terminal's stderr; nothing when nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from retrain.cli.output import note
from retrain.snapshot.limits import megabytes


class Bars:
    """A display for retrain.submit. json: stay silent, since a program reads along."""

    def __init__(self, *, json: bool = False) -> None:
        self._silent = json

    @contextmanager
    def moving(
        self, what: str, size: int, verb: str = "Uploaded"
    ) -> Iterator[Callable[[int], None]]:
        """Show a bar meanwhile, and afterwards a line that says what went over."""
        moved = 0

        def count(bytes_: int) -> None:
            nonlocal moved
            moved += bytes_

        if self._silent or not sys.stderr.isatty():
            yield count
        else:
            with _bar(what, size) as advance:

                def show(bytes_: int) -> None:
                    count(bytes_)
                    advance(bytes_)

                yield show
        if not self._silent:
            note(
                f"{verb} {what}: {megabytes(moved)}" if moved or not size else f"Unchanged: {what}"
            )


@contextmanager
def _bar(what: str, size: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=size or None)
        yield lambda bytes_: progress.advance(task, bytes_)
