"""Registered things, datastores and lineage for people."""

from collections.abc import Iterable, Sequence
from typing import Any

from retrain.cli.render import console, status, table
from retrain.cli.times import clock
from retrain.client.records import (
    Asset,
    AssetLineage,
    AssetReference,
    Content,
    ListedAsset,
    RunLineage,
    TracedRead,
    TracedWritten,
    Use,
)
from retrain.snapshot.limits import megabytes

_NEWEST = 10  # of the runs that used something so many are shown


def names(found: Sequence[ListedAsset]) -> None:
    """A name a line."""
    rows = (
        (
            one["name"],
            one["versions"][-1],
            str(len(one["versions"])),
            ", ".join(f"{label}={version}" for label, version in sorted(one["labels"].items())),
            "archived" if one["archived"] else "",
        )
        for one in found
    )
    table(("NAME", "LATEST", "VERSIONS", "LABELS", ""), rows)


def asset(shown: Asset) -> None:
    """One version, and the others there are."""
    out = console()
    out.print(f"{shown['reference']}  {shown['type']}" + "  archived" * shown["archived"])
    maker = shown["made_by"]
    facts = {
        "path": shown["path"],
        "content": content(shown["content"]),
        "made by": f"run {maker['run']}, output {maker['output']}" if maker else "",
        "description": shown["description"] or "",
        "tags": ", ".join(f"{name}={value}" for name, value in shown["tags"].items()),
        "labels": ", ".join(shown["labels"]),
        "registered": clock(shown["created_at"]),
        "versions": ", ".join(shown.get("versions", [])[-20:]),
    }
    _facts(facts)


def asset_lineage(told: AssetLineage) -> None:
    """Who made it, who used it."""
    out = console()
    out.print("\nMade by")
    out.print(f"  run {told['made_by']}" if told["made_by"] else "  nobody here: it was registered")
    out.print("\nUsed by")
    _uses(told["used_by"], told["used_by_count"])


def run_lineage(told: RunLineage) -> None:
    """What a run read and wrote, and who stands at the other ends."""
    out = console()
    out.print("\nRead")
    if not told["reads"]:
        out.print("  no data")
    for read in told["reads"]:
        _read(read)
    out.print("\nWrote")
    if told["left"]:
        out.print(f"  outputs/  {content(told['left'])}")
    elif not told["writes"]:
        out.print("  nothing")
    for written in told["writes"]:
        _written(written)


def _read(read: TracedRead) -> None:
    out = console()
    out.print(f"  {read['input']}  {_place(read['asset'], read['uri'])}")
    made = f"made by run {read['made_by']}" if read["made_by"] else ""
    changed = "CHANGED while the run went on" if read["changed"] else ""
    for line in (content(read["content"]), made, changed):
        if line:
            out.print(f"    {line}")


def _written(written: TracedWritten) -> None:
    out = console()
    out.print(f"  {written['output']}  {_place(written['asset'], written['uri'])}")
    out.print(f"    {content(written['content'])}")
    if written["asset"]:
        out.print("    used by")
        _uses(written["used_by"], written["used_by_count"], "      ")


def datastores(found: Iterable[dict[str, Any]]) -> None:
    rows = (
        (one["name"], one["type"], one["account_name"], _container(one), one.get("description", ""))
        for one in found
    )
    table(("NAME", "TYPE", "ACCOUNT", "CONTAINER", "DESCRIPTION"), rows)


def datastore(shown: dict[str, Any]) -> None:
    console().print(f"{shown['name']}  {shown['type']}")
    facts = {
        "account": shown["account_name"],
        "container": _container(shown),
        "paths": f"azureml://datastores/{shown['name']}/paths/<path>",
        "description": shown.get("description", ""),
        "tags": ", ".join(f"{name}={value}" for name, value in shown.get("tags", {}).items()),
        "created": clock(shown["created_at"]),
    }
    _facts(facts)


def content(found: Content | None) -> str:
    """In one line: how much, and which exactly."""
    if found is None:
        return "content not looked at"
    plural = "s" * (found["files"] != 1)
    count = f"{found['files']:,} file{plural}, " if found["sha256"] else ""
    marks = {"sha256": found["sha256"][:16], "md5": found["md5"], "etag": found["etag"]}
    told = ", ".join(f"{name} {mark}" for name, mark in marks.items() if mark)
    return f"{count}{megabytes(found['size'])}, {told}"


def _facts(facts: dict[str, str]) -> None:
    for name, value in facts.items():
        if value:
            console().print(f"  {name:<12} {value}")


def _place(registered: AssetReference | None, uri: str) -> str:
    return f"{registered['reference']}  {uri}" if registered else uri


def _uses(runs: Sequence[Use], count: int, indent: str = "  ") -> None:
    if not count:
        console().print(f"{indent}no run")
        return
    rows = [
        (indent + run["name"], status(run["status"]), run["display_name"] or "")
        for run in runs[:_NEWEST]
    ]
    table((), rows)
    if count > len(rows):
        console().print(f"{indent}and {count - len(rows):,} more")


def _container(store: dict[str, Any]) -> str:
    return str(store.get("container_name") or store.get("filesystem"))
