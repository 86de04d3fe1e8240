"""`retrain compute drain` and `resume`: the kill switch, and its end."""

import getpass
import time
from typing import Annotated, Any, Final

import typer

from retrain.cli.options import AsJson, ProfileName, connect
from retrain.cli.output import note, put, put_json

HELD: Final = "Compute is held: runs wait until `retrain compute resume`."
_QUESTION: Final = (
    "End all runs, delete all of their compute, and let none start until `retrain compute resume`?"
)
_PAUSE: Final = 1.0  # seconds between two looks


def drain(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    by: Annotated[
        str | None, typer.Option("--by", help="Who wants it, for the runs' timelines.")
    ] = None,
    as_json: AsJson = False,
    profile: ProfileName = None,
) -> None:
    """End all runs and delete all of their compute, now; new runs wait until `compute resume`.

    Only what Retrain made is deleted. Ctrl-C ends the waiting, not the drain.
    """
    if not yes:
        typer.confirm(_QUESTION, abort=True, err=True)
    with connect(profile) as client:
        found = client.drain_compute(by or _me())
        note(HELD)
        seen: dict[str, dict[str, None]] = {"runs": {}, "jobs": {}, "pools": {}}
        told = ""
        while left := _left(found, seen):
            if left != told:
                note(f"Left: {left}.")
            told = left
            time.sleep(_PAUSE)
            found = client.drain_compute(by or _me())
    if as_json:
        put_json({"held": found["held"], **{kind: [*names] for kind, names in seen.items()}})
        return
    put(f"Drained, nothing is left: {_counted(seen) or 'there was nothing'}.")


def resume(as_json: AsJson = False, profile: ProfileName = None) -> None:
    """Let runs start again after a drain, those that waited first."""
    with connect(profile) as client:
        waited = client.resume_compute()
    if as_json:
        put_json({"held": None, "runs": waited})
    else:
        put(f"Runs may start again; {waited} had to wait.")


def _left(found: Any, seen: dict[str, dict[str, None]]) -> str:
    """What is still there, in words; notes the names as seen."""
    for kind, names in seen.items():
        names.update(dict.fromkeys(found[kind]))
    return _counted({kind: found[kind] for kind in seen})


def _counted(names: dict[str, Any]) -> str:
    words = {"runs": "run", "jobs": "Batch job", "pools": "Batch pool"}
    counts = {word: len(names[kind]) for kind, word in words.items()}
    return ", ".join(f"{n} {word}{'s' * (n != 1)}" for word, n in counts.items() if n)


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "somebody"
