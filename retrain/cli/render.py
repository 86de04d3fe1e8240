"""Runs, schedules and compute for people: tables that fit a terminal, whole lines in a pipe."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from retrain.cli import attempts
from retrain.cli.times import clock, seconds, span, stays
from retrain.client.cost import cost_words
from retrain.client.records import Delivery, OutputFile, Run, RunSummary, Written
from retrain.snapshot.limits import megabytes

COLOURS = {"Completed": "green", "Failed": "red", "Canceled": "yellow", "Running": "cyan"}


def console() -> Console:
    """stdout; a pipe has no width, so nothing is folded or cut there."""
    width = None if sys.stdout.isatty() else 10_000
    return Console(width=width, markup=False, highlight=False, soft_wrap=True)


def runs(found: Sequence[RunSummary]) -> None:
    """A run a line, newest first."""
    rows = (
        (
            run["name"],
            status(run["status"]),
            run["experiment_name"] or "",
            run["display_name"] or "",
            clock(run["created_at"]),
            span(run["created_at"], run["ended_at"]),
        )
        for run in found
    )
    _table(("NAME", "STATUS", "EXPERIMENT", "DISPLAY NAME", "CREATED", "TOOK"), rows)


def run(shown: Run, files: Sequence[OutputFile], metrics: Sequence[Sequence[str]] = ()) -> None:
    """One run: what it is, its timeline with the time in each status, its error, its files.

    metrics: a row each, its name first.
    """
    out = console()
    out.print(Text.assemble(shown["name"], "  ", status(shown["status"])))
    for name, value in _facts(shown):
        if value:
            out.print(f"  {name:<12} {value}")
    out.print("\nTimeline")
    _table((), _timeline(shown), out)
    _section("Attempts", attempts.rows(shown.get("attempts") or []), out)
    if error := shown["error"]:
        out.print(Text.assemble(("\nerror: ", "red"), f"{error['code']}: {error['message']}"))
        if error["remedy"]:
            out.print(f"  {error['remedy']}")
    if held_up := shown.get("held_up"):
        when = f"\nHeld up since {clock(held_up['at'])} "
        out.print(Text.assemble((when, "yellow"), f"{held_up['code']}: {held_up['message']}"))
        out.print(f"  {held_up['remedy']}")
    _registered(shown.get("writes") or [], out)
    _notified(shown.get("notified") or [], out)
    _section("Metrics", [("  " + name, *rest) for name, *rest in metrics], out)
    _section("Files", [("  " + file["path"], megabytes(file["size"])) for file in files], out)


def _section(title: str, rows: Sequence[Sequence[str]], out: Console) -> None:
    if rows:
        out.print(f"\n{title}")
        _table((), rows, out)


def _notified(deliveries: Sequence[Delivery], out: Console) -> None:
    """Whom the run told of its end, and who doesn't know yet or never will."""
    if deliveries:
        out.print("\nNotified")
    for one in deliveries:
        tries = f" after {one['tries']} tries" if one["tries"] > 1 else ""
        out.print(f"  {one['webhook']}  {one['occasion']}: {one['state']}{tries}")
        if one["reason"]:
            out.print(f"    {one['reason']}")


def _registered(writes: Sequence[Written], out: Console) -> None:
    made = [written for written in writes if written["asset"]]
    if made:
        out.print("\nRegistered")
    for written in made:
        out.print(f"  {registered(written)}")


def registered(written: Written) -> str:
    """What an output became, and whether it is the champion of its name now."""
    asset, judged = written["asset"], written["promotion"]
    name = f"{asset['name']}:{asset['version']}" if asset else ""
    if judged is None:
        return name
    return f"{name}  {'the champion' if judged['promoted'] else 'not promoted'}: {judged['reason']}"


def schedules(found: Iterable[dict[str, Any]]) -> None:
    rows = ((one["name"], trigger(one), _next(one), one.get("display_name") or "") for one in found)
    _table(("NAME", "TRIGGER", "NEXT", "DISPLAY NAME"), rows)


def schedule(shown: dict[str, Any]) -> None:
    out = console()
    out.print(f"{shown['name']}  {trigger(shown)}")
    for name, value in _schedule_facts(shown):
        if value:
            out.print(f"  {name:<12} {value}")
    told = ("created_at", "since", "next_run_at", "files_waiting")
    document = {name: value for name, value in shown.items() if name not in told}
    out.print(json.dumps(document, ensure_ascii=False, indent=2))


def _schedule_facts(shown: dict[str, Any]) -> list[tuple[str, str]]:
    waiting = shown.get("files_waiting") or 0
    return [
        ("next", _next(shown)),
        ("files", f"{waiting} waiting for others" if waiting else ""),
        ("description", shown.get("description") or ""),
        ("created", clock(shown.get("created_at"))),
    ]


def _next(schedule: dict[str, Any]) -> str:
    """Write when it is due; a schedule for data waits for files."""
    if not schedule.get("is_enabled", True):
        return "disabled"
    if (schedule.get("trigger") or {}).get("type") == "data":
        return "when files land"
    return clock(schedule.get("next_run_at")) or "never again"


def preview(shown: dict[str, Any], ticks: Sequence[dict[str, str]]) -> None:
    """The times a schedule is due, one a line."""
    if not ticks:
        console().print(f"{shown['name']}  {trigger(shown)}: nothing is due by the clock")
        return
    zone = (shown.get("trigger") or {}).get("time_zone", "UTC")
    rows = ((_minute(tick["at"]), _minute(tick["local"], "%a %Y-%m-%d %H:%M %z")) for tick in ticks)
    _table(("UTC", zone), rows)


def _minute(at: str, form: str = "%a %Y-%m-%d %H:%M") -> str:
    return datetime.fromisoformat(at).strftime(form)


def compute(found: dict[str, Any]) -> None:
    """Named computes, then what exists in Batch for runs; one line when there is nothing."""
    computes, jobs, pools = found["computes"], found["jobs"], found["pools"]
    if held := found.get("held"):
        since = clock(held["since"])
        text = "nothing starts until `retrain compute resume`"
        console().print(f"Held by {held['by']} since {since}: {text}.")
    if used := _used(found["limits"]):
        console().print(used)
    if not computes and not pools and not jobs:
        console().print("No compute.")
        return
    if computes:
        _table(("NAME", "SIZE", "TIER", "MIN-MAX", "NODES"), map(_compute_row, computes))
    if computes and (jobs or pools):
        console().print()
    rows = [
        *(("pool", one["id"], one["state"], str(one["nodes"]), one["run"] or "") for one in pools),
        *(("job", one["id"], one["state"], "", one["run"] or "") for one in jobs),
    ]
    if rows:
        _table(("KIND", "ID", "STATE", "NODES", "RUN"), rows)


def _used(limits: Mapping[str, Any]) -> str:
    """`3 of 8 nodes in use, 1.2 of 40 node-hours used today (UTC), 12 runs wait`."""
    parts = []
    if limits["max_nodes"]:
        parts.append(f"{limits['nodes']} of {limits['max_nodes']} nodes in use")
    if most := limits["max_node_hours_a_day"]:
        parts.append(f"{limits['node_hours_today']:.1f} of {most:g} node-hours used today (UTC)")
    if parts and (waiting := limits["waiting"]):
        parts.append(f"{waiting} run{'s' * (waiting != 1)} wait{'s' * (waiting == 1)}")
    return ", ".join(parts)


def one_compute(shown: dict[str, Any]) -> None:
    """One compute, with what keeps it from having the nodes that it wants."""
    out = console()
    out.print(f"{shown['name']}  {shown['provisioning_state']}")
    facts = {
        "size": shown.get("size") or "the deployment's own",
        "tier": shown["tier"],
        "instances": f"{shown['min_instances']} to {shown['max_instances']}",
        "idle time": f"{shown['idle_time_before_scale_down']} s before nodes are given back",
        "nodes": _nodes(shown["nodes"]),
        "pool": shown["pool"] or "",
        "description": shown.get("description") or "",
        "tags": ", ".join(f"{name}={value}" for name, value in shown["tags"].items()),
        "created": clock(shown["created_at"]),
    }
    for name, value in facts.items():
        if value:
            out.print(f"  {name:<12} {value}")
    for error in shown["errors"]:
        out.print(Text.assemble(("\nerror: ", "red"), f"{error['code']}: {error['message']}"))
        out.print(f"  {error['remedy']}")


def _compute_row(one: dict[str, Any]) -> tuple[str, str, str, str, str]:
    span_ = f"{one['min_instances']}-{one['max_instances']}"
    nodes = _nodes(one["nodes"])
    if one["errors"]:
        nodes += f" ({one['errors'][0]['code']})"
    return one["name"], one.get("size") or "default", one["tier"], span_, nodes


def _nodes(nodes: dict[str, int]) -> str:
    """`2 running, 1 idle -> 4`: what they do, and how many there will be if that is not it."""
    doing = ("running", "idle", "preparing", "lost")
    words = ", ".join(f"{nodes[what]} {what}" for what in doing if nodes[what])
    arrow = f" -> {nodes['target']}" if nodes["target"] != nodes["current"] else ""
    return (words or str(nodes["current"])) + arrow


def assets(found: Sequence[dict[str, Any]]) -> None:
    """Registered things: a name a line, with its newest version and how many there are."""
    rows = (
        (
            one["name"],
            one["versions"][-1],
            str(len(one["versions"])),
            ", ".join(f"{label}={version}" for label, version in one["labels"].items()),
            "archived" if one["archived"] else "",
        )
        for one in found
    )
    _table(("NAME", "LATEST", "VERSIONS", "LABELS", ""), rows)


def environment(shown: dict[str, Any]) -> None:
    """What it is made of, and how the last build of its image ended."""
    out = console()
    out.print(f"azureml:{shown['name']}:{shown['version']}")
    built = shown["built"]
    facts = {
        "description": shown.get("description", ""),
        "created": clock(shown["created_at"]),
        "image": shown.get("image", ""),
        "key": shown["key"],
        "built": f"{built['state']} {built['image'] or built['reason']}" if built else "never",
    }
    for name, value in facts.items():
        if value:
            out.print(f"  {name:<12} {value}")
    parts = {name: shown[name] for name in ("conda_file", "build") if name in shown}
    if parts:
        out.print(json.dumps(parts, ensure_ascii=False, indent=2))


def status(word: str) -> Text:
    return Text(word, style=COLOURS.get(word, ""))


def trigger(schedule: dict[str, Any]) -> str:
    """Write a trigger in one line: `cron 0 3 * * *`, `every 2 weeks`, `data wine/*.csv`."""
    fields = dict(schedule.get("trigger") or {})
    kind, zone = fields.get("type", ""), fields.get("time_zone", "UTC")
    where = "" if zone == "UTC" else f" ({zone})"
    if kind == "cron":
        return f"cron {fields['expression']}{where}"
    if kind == "recurrence":
        count, unit = fields["interval"], fields["frequency"]
        return (f"every {unit}" if count == 1 else f"every {count} {unit}s") + where
    paths = fields.get("path", "")
    text = f"{kind} {paths if isinstance(paths, str) else ', '.join(paths)}"
    quiet = fields.get("quiet_period")
    return f"{text}, {_whole(quiet)} quiet" if quiet else text


def _whole(count: int) -> str:
    return f"{count} s" if count < 60 else seconds(count)


def _facts(shown: Run) -> list[tuple[str, str]]:
    source = shown["source"]
    others = source.get("files", 0) - 1
    more = f"and {others} more" if others > 0 else None
    origin = " ".join(str(part) for part in (source["schedule"], source["path"], more) if part)
    return [
        ("display name", shown["display_name"] or ""),
        ("experiment", shown["experiment_name"] or ""),
        ("description", shown["description"] or ""),
        ("tags", ", ".join(f"{name}={value}" for name, value in (shown["tags"] or {}).items())),
        ("asked by", f"{source['kind']} {origin}".strip()),
        ("code", _origin(shown.get("properties") or {})),
        ("environment", shown["environment"] or ""),
        ("build log", _build_log(shown)),
        ("compute", shown["compute"] or ""),
        ("attempt", str(shown["attempt"]) if shown["attempt"] > 1 else ""),
        ("created", clock(shown["created_at"])),
        ("took", span(shown["created_at"], shown["ended_at"])),
        ("cost", cost_words(shown.get("cost"))),
    ]


def _origin(properties: Mapping[str, str]) -> str:
    """Where the code came from, in one line: `6f1ab2c (main, changed since) https://…`."""
    commit, branch, remote, dirty = (
        properties.get(f"azureml.git.{name}", "")
        for name in ("commit", "branch", "repository_uri", "dirty")
    )
    notes = ", ".join(note for note in (branch, "changed since" * (dirty == "True")) if note)
    return " ".join(part for part in (commit[:12], f"({notes})" if notes else "", remote) if part)


def _build_log(shown: Run) -> str:
    """How to see what the build of its environment says."""
    key = shown.get("environment_key")
    return f"`retrain environment log {key}`" if key else ""


def _timeline(shown: Run) -> Iterable[Sequence[str | Text]]:
    for stay in stays(shown["timeline"], datetime.now(UTC)):
        took = "" if stay.seconds is None else seconds(stay.seconds)
        yield ("  " + clock(stay.at, "%H:%M:%S"), status(stay.status), took, stay.note)


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> None:
    """Columns below their heads; without heads just columns."""
    _table(heads, rows)


def _table(
    heads: Sequence[str], rows: Iterable[Sequence[str | Text]], out: Console | None = None
) -> None:
    table = Table(box=None, show_header=bool(heads), header_style="bold", pad_edge=False)
    lines = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    for index in range(len(heads) or max((len(line) for line in lines), default=0)):
        table.add_column(heads[index] if heads else "", overflow="fold", no_wrap=index == 0)
    for line in lines:
        table.add_row(*line)
    (out or console()).print(table)
