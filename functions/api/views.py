"""Runs, files and the rest as JSON."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from shared.app.assets import Asset, Labels, Listed
from shared.app.datastores import KeptStore
from shared.app.lineage import Story
from shared.app.refusals import Refusal
from shared.app.schedules import Kept
from shared.domain.capacity import Held
from shared.domain.ledger import Ledger, Limits
from shared.domain.lineage import Content, Read, Registered, Written
from shared.domain.run import Attempt, Problem, Run
from shared.jobs import AnyClock, dump, next_ticks
from shared.jobs.data_input import in_short
from shared.ports.compute import AttemptSeen, PoolSeen
from shared.ports.files import File
from shared.ports.runs import Summary


def run_view(run: Run, held_up: Refusal | None = None) -> dict[str, Any]:
    """held_up: by a message that could not be processed."""
    document = dump(run.job)
    return {
        "name": run.name,
        "status": run.status,
        "display_name": run.job.display_name,
        "experiment_name": run.job.experiment_name,
        "description": run.job.description,
        "tags": run.job.tags,
        "properties": run.job.properties,
        "compute": run.job.compute or "serverless",
        "environment": run.job.environment.called,
        "environment_key": environment_key(run),
        "image": run.image,
        "created_at": time(run.created_at),
        "started_at": time(run.started_at),
        "ended_at": time(run.ended_at),
        "attempt": run.attempt,
        "max_attempts": run.max_attempts,
        "requeues": run.requeues,
        "attempts": [tried_view(attempt) for attempt in run.attempts],
        "source": {
            "kind": run.source.kind,
            "schedule": run.source.schedule,
            "path": run.source.path,
            "paths": [*run.source.paths],
            "files": run.source.files,
            "manifest": run.source.manifest,
        },
        "timeline": [
            {"status": moment.status, "at": time(moment.at), "note": moment.note}
            for moment in run.timeline
        ],
        "error": problem_view(run.problem),
        "held_up": held_up
        and {
            "code": held_up.code,
            "message": held_up.about_run,
            "remedy": f"{held_up.remedy} `retrain dead-letters list` shows the message.".strip(),
            "at": time(held_up.at),
        },
        "reads": [read_view(read) for read in run.reads],
        "writes": [written_view(written) for written in run.writes],
        "inputs": document.get("inputs", {}),
        "outputs": document.get("outputs", {}),
        "job": document,
    }


def tried_view(attempt: Attempt) -> dict[str, Any]:
    """One that is over. cause: none, script, timeout, configuration, infrastructure, canceled."""
    return {
        "number": attempt.number,
        "asked_at": time(attempt.asked_at),
        "started_at": time(attempt.started_at),
        "ended_at": time(attempt.ended_at),
        "cause": attempt.cause,
        "error": problem_view(attempt.problem),
        "exit_code": attempt.exit_code,
        "requeues": attempt.requeues,
    }


def problem_view(problem: Problem | None) -> dict[str, Any] | None:
    if problem is None:
        return None
    return {"code": problem.code, "message": problem.message, "remedy": problem.remedy}


def environment_key(run: Run) -> str | None:
    """Of the environment's image, when one has to be found or built; its log goes by that key."""
    environment = run.job.environment
    built = environment.needs_build and environment.reference is None
    return environment.key if built else None


def summary_view(run: Summary) -> dict[str, Any]:
    return {
        "name": run.name,
        "status": run.status,
        "display_name": run.display_name or None,
        "experiment_name": run.experiment_name,
        "created_at": time(run.created_at),
        "started_at": time(run.started_at),
        "ended_at": time(run.ended_at),
        "attempt": run.attempt,
        "source": {"kind": run.kind, "schedule": run.schedule, "path": None},
    }


def schedule_view(kept: Kept, now: datetime, waiting: int = 0) -> dict[str, Any]:
    """The document as it was given; `next_run_at` is null for data, and when nothing more is due.
    waiting: how many files wait to be a run."""
    document = dump(kept.schedule)
    for given in document["create_job"].get("inputs", {}).values():
        if isinstance(given, dict) and "path" in given:
            given["path"] = in_short(given["path"])
    return {
        **document,
        "created_at": time(kept.created_at),
        "since": time(kept.since),
        "next_run_at": time(kept.due_after(now)),
        "files_waiting": waiting,
    }


def preview_view(kept: Kept, now: datetime, count: int) -> list[dict[str, Any]]:
    trigger = kept.schedule.trigger
    if not isinstance(trigger, AnyClock):
        return []
    found = next_ticks(trigger, kept.since, now, count)
    return [
        {"at": time(tick), "local": tick.astimezone(trigger.zone).isoformat()} for tick in found
    ]


def read_view(read: Read) -> dict[str, Any]:
    return {
        "input": read.input,
        "uri": read.place.uri,
        "asset": _reference(read.asset),
        "content": content_view(read.content),
        "changed": read.changed,
    }


def written_view(written: Written) -> dict[str, Any]:
    return {
        "output": written.output,
        "uri": written.place.uri,
        "asset": _reference(written.asset),
        "content": content_view(written.content),
        "promotion": written.promotion and asdict(written.promotion),
    }


def content_view(content: Content | None) -> dict[str, Any] | None:
    return None if content is None else asdict(content)


def lineage_view(story: Story) -> dict[str, Any]:
    run = story.run
    reads = [
        {**read_view(read), "made_by": maker}
        for read, maker in zip(run.reads, story.makers, strict=True)
    ]
    writes = [
        {
            **written_view(written),
            "used_by": [use_view(other) for other in uses.runs],
            "used_by_count": uses.count,
        }
        for written, uses in zip(run.writes, story.uses, strict=True)
    ]
    return {
        "run": run.name,
        "status": run.status,
        "reads": reads,
        "writes": writes,
        "left": content_view(story.left),
    }


def use_view(run: Run) -> dict[str, Any]:
    """A run, where another thing tells of it."""
    return {
        "name": run.name,
        "status": run.status,
        "display_name": run.job.display_name,
        "created_at": time(run.created_at),
    }


def asset_view(asset: Asset, labels: Labels) -> dict[str, Any]:
    return {
        "kind": asset.kind,
        "name": asset.name,
        "version": asset.version,
        "reference": asset.reference,
        **asset.document,
        "labels": sorted(name for name, one in labels.labels.items() if one == asset.version),
        "archived": labels.is_archived(asset.version),
        "created_at": time(asset.created_at),
    }


def listed_view(listed: Listed) -> dict[str, Any]:
    return {
        "name": listed.name,
        "versions": [*listed.versions],
        "labels": dict(listed.labels),
        "archived": listed.archived,
    }


def datastore_view(kept: KeptStore) -> dict[str, Any]:
    return {**dump(kept.store), "created_at": time(kept.created_at)}


def _reference(asset: Registered | None) -> dict[str, str] | None:
    if asset is None:
        return None
    return {
        "kind": asset.kind,
        "name": asset.name,
        "version": asset.version,
        "reference": str(asset),
    }


def file_view(file: File) -> dict[str, Any]:
    return {"path": file.path, "size": file.size, "modified": time(file.modified)}


def attempt_view(seen: AttemptSeen) -> dict[str, Any]:
    return {"id": seen.id, "run": seen.run, "state": seen.state}


def pool_view(pool: PoolSeen) -> dict[str, Any]:
    return {"id": pool.id, "run": pool.run, "state": pool.state, "nodes": pool.nodes}


def held_view(held: Held | None) -> dict[str, Any] | None:
    return {"by": held.by, "since": time(held.since)} if held else None


def limits_view(ledger: Ledger, limits: Limits) -> dict[str, Any]:
    return {
        "max_nodes": limits.nodes,
        "nodes": ledger.nodes if limits else None,
        "max_node_hours_a_day": limits.node_hours,
        "node_hours_today": round(ledger.node_hours, 3) if limits else None,
        "waiting": len(ledger.waiting) if limits else 0,
    }


def time(at: datetime | None) -> str | None:
    """RFC 3339 in UTC with milliseconds, `2026-07-10T10:00:00.123Z`."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
