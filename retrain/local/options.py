"""What the commands of the emulators share: options, and the words for what ends them."""

import argparse

_PORTS = 65536


def port(text: str) -> int:
    """For argparse: beyond these numbers a socket ends in a traceback."""
    if not text.isdecimal() or int(text) >= _PORTS:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {_PORTS - 1}, not '{text}'")
    return int(text)


def words(error: Exception) -> str:
    """An OSError's own words begin with a number that helps nobody, and lack the file without."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
