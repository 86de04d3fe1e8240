"""Runs and schedules for notebooks. Everything that comes from outside is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from retrain.client.cost import cost_words

if TYPE_CHECKING:
    from retrain.sdk.run import Run

_COLOURS = {"Completed": "#107c10", "Failed": "#c50f1f", "Canceled": "#835b00"}
_LEFT = ' style="text-align:left;vertical-align:top"'


def run_table(run: "Run") -> str:
    """What a run is, and its timeline with the time in each status."""
    facts = {
        "display name": run.display_name,
        "experiment": run.experiment_name,
        "tags": ", ".join(f"{name}={value}" for name, value in run.tags.items()),
        "asked by": " ".join(filter(None, (run.source.kind, run.source.schedule, run.source.path))),
        "commit": run.properties.get("azureml.git.commit"),
        "environment": run.environment,
        "compute": run.compute,
        "created": _clock(run.created_at),
        "took": _span(run.created_at, run.ended_at),
        "cost": cost_words(run.cost),
    }
    if run.error:
        facts["error"] = f"{run.error.code}: {run.error.message} {run.error.remedy}"
    rows = []
    for moment, after in zip(run.timeline, [*run.timeline[1:], None], strict=True):
        took = _span(moment.at, after.at if after else None)
        rows.append((moment.status, _clock(moment.at), took, moment.note))
    timeline = _rows(("status", "at (UTC)", "took", "note"), rows)
    return f"<div>{_heading(run.name, run.status)}{_facts(facts)}{timeline}</div>"


def list_table(runs: "Iterable[Run]") -> str:
    """A run a line."""
    rows = [
        (
            run.name,
            run.status,
            run.experiment_name or "",
            run.display_name or "",
            _clock(run.created_at),
            _span(run.created_at, run.ended_at),
        )
        for run in runs
    ]
    return _rows(("name", "status", "experiment", "display name", "created", "took"), rows)


def table(title: str, facts: Mapping[str, Any]) -> str:
    """A title and what there is to say, a line each."""
    return f"<div>{_heading(title)}{_facts(facts)}</div>"


def _heading(title: str, status: str = "") -> str:
    colour = _COLOURS.get(status, "#005a9e")
    mark = f' <span style="color:{colour}">{escape(status)}</span>' if status else ""
    return f"<p><b>{escape(title)}</b>{mark}</p>"


def _facts(facts: Mapping[str, Any]) -> str:
    rows = [(name, str(value)) for name, value in facts.items() if value not in (None, "")]
    return _rows((), rows)


def _rows(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th{_LEFT}>{escape(one)}</th>" for one in heads)
    body = "".join(
        "<tr>" + "".join(f"<td{_LEFT}>{escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    top = f"<thead><tr>{head}</tr></thead>" if heads else ""
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S")


def _span(start: datetime, end: datetime | None) -> str:
    return "" if end is None else f"{(end - start).total_seconds():,.1f} s"
