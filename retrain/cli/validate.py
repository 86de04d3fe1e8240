"""`retrain job validate`: are these files right? Asked of nobody else."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from retrain.cli.options import AsJson
from retrain.cli.output import note, put, put_json

if TYPE_CHECKING:
    from retrain.jobfile.check import Checked

Files = Annotated[
    list[str], typer.Argument(help="Files, folders, or patterns in quotes.", metavar="FILE…")
]


def validate(files: Files, as_json: AsJson = False) -> None:
    """Check files of any kind, without a server; exit code 1 when one is bad.

    One line for each problem: file:line:column, field, what is wrong, what to write. Files that a
    file refers to are checked with it. In a folder, what is no document of ours is passed over.
    """
    from retrain.jobfile.check import check
    from retrain.jobfile.collection import collect

    checked = [check(file) for file in collect(files)]
    bad = sum(bool(one.problems) for one in checked)
    if as_json:
        put_json(_report(checked))
    else:
        for problem in dict.fromkeys(problem for one in checked for problem in one.problems):
            put(str(problem))
        note(_summary(checked, bad))
    raise typer.Exit(1 if bad else 0)


def _summary(checked: "list[Checked]", bad: int) -> str:
    skipped = sum(one.skipped for one in checked)
    count = len(checked) - skipped
    passed_over = f", {skipped} passed over: no documents of Retrain" if skipped else ""
    what = f"{count} file{'s' * (count != 1)} checked"
    return f"{what}, {f'{bad} bad' if bad else 'all right'}{passed_over}."


def _report(checked: "list[Checked]") -> dict[str, Any]:
    """See docs/job-language.md, which promises this shape."""
    from retrain.jobfile.errors import as_document

    return {
        "valid": not any(one.problems for one in checked),
        "files": [
            {
                "file": str(one.path),
                "kind": one.kind,
                "valid": None if one.skipped else not one.problems,
                "problems": [as_document(problem) for problem in one.problems],
            }
            for one in checked
        ],
    }
