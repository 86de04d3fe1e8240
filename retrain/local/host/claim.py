"""One host for each data folder: a second one would run every timer again, and keep it apart."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """The folder is ours until the end, or that of the process. Raises RuntimeError if it isn't."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"Another Functions host uses the data folder {data}. Stop it, or start this one "
                "with another --data folder."
            ) from None
        yield
