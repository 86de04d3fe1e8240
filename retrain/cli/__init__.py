"""The command line: `retrain …`. It speaks HTTP to the API, so laptop and cloud look alike.

    app         the tree of commands              jobs, schedules, data, compute, profiles, stack
    validate    files, checked without a server
    ending      exit codes, and errors in words   options      what several commands take
    output      stdout for results, stderr for all else
    render      tables and runs, for people       progress, live   what moves

`retrain --help` should be quick: command modules import the client and rich inside functions only.
"""

__all__ = ["main"]


def main() -> None:
    """Run the command that sys.argv names and end the process with its exit code."""
    from retrain.cli.app import app

    app()
