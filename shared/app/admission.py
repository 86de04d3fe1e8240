"""From a training request to a run."""

import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.app.computes import Computes
from shared.app.documents import submitted_job
from shared.app.environments import Environments
from shared.app.gate import too_many
from shared.app.lineage import Lineage
from shared.app.notifying import check_addresses
from shared.app.resolution import Resolver
from shared.domain.errors import Conflict, Invalid, NotFound, Permanent, Transient
from shared.domain.events import CancelAsked, Requested
from shared.domain.keys import digest
from shared.domain.ledger import Limits
from shared.domain.requests import TrainingRequest, request_id
from shared.domain.run import Problem, Run, Source, new_run
from shared.domain.status import Status
from shared.domain.transitions import advance
from shared.jobs import CommandJob, DataInput, dump
from shared.ports.bus import Bus
from shared.ports.registry import Registry
from shared.ports.runs import Runs
from shared.ports.telemetry import SILENT, Telemetry
from shared.ports.webhooks import Webhooks

log = logging.getLogger("retrain.admission")

#: So often a wish to cancel is written anew because the run took a step meanwhile.
_RACES: Final = 10
#: The registry's kind for what callers asked under a key.
ASKED: Final = "asked"


@dataclass(frozen=True, slots=True)
class Admission:
    runs: Runs
    registry: Registry
    bus: Bus
    webhooks: Webhooks
    resolver: Resolver
    lineage: Lineage
    computes: Computes
    environments: Environments
    limits: Limits
    now: Callable[[], datetime]
    telemetry: Telemetry = SILENT

    def submit(self, request: TrainingRequest) -> Run:
        """Accept somebody's request. The record comes first, so that they find what they asked for.

        From then on the run is accepted: if its message can't be sent, or we die before, the watch
        finds it NotStarted and sets it going. Raises Invalid when its data isn't there and it was
        asked for over HTTP; what a schedule asks for is a run in any case, which says so itself.
        """
        with self.telemetry.span("accept", request.run, {"retrain.source": request.source.kind}):
            return self._accept(self._with_environment(request))

    def _accept(self, request: TrainingRequest) -> Run:
        run = self._run(request)
        self.lineage.note_uses(run)
        if not self.runs.create(run):
            run = self.runs.load(run.name).run
        if run.status is not Status.NOT_STARTED:
            return run
        try:
            self.bus.request(request)
        except Transient as error:
            log.warning(
                "run %s: accepted, to be started by the watch: %s", run.name, error,
                extra={"run": run.name, "schedule": run.source.schedule, "code": error.code},
            )  # fmt: skip
        return run

    def submit_document(self, document: Mapping[str, Any], key: str | None) -> Run:
        """Accept a job document. key: the caller's name for the asking; one key is one run.

        Without a key, asking in another instant is another run. Raises Invalid.
        """
        job, now = submitted_job(document), self.now()
        check_addresses(self.webhooks, job)
        self.computes.demand(job)
        if problem := too_many(job, self.limits):
            details = [("resources.instance_count", problem.message)]
            raise Invalid(
                problem.message, remedy=problem.remedy, code=problem.code, details=details
            )
        content = digest(json.dumps(dump(job), sort_keys=True))
        keyed = key is not None
        identity = request_id("http", key if key is not None else f"{content} {now.isoformat()}")
        # The run's name holds a time, so the first asking's has to be remembered for the others.
        mine = {"at": now.isoformat(), "content": content}
        first = self.registry.once(ASKED, identity, mine) if keyed else mine
        if first["content"] != content:
            raise Invalid(
                "This Idempotency-Key was used for another job.",
                remedy="Take a new key for a new job.",
                code="IdempotencyKeyReused",
            )
        at = datetime.fromisoformat(first["at"])
        source = Source(kind="http", traceparent=self.telemetry.caller)
        return self.submit(TrainingRequest(id=identity, at=at, job=job, source=source))

    def admit(self, request: TrainingRequest) -> None:
        """Make it a run, unless it is one, and set it going."""
        with self.telemetry.span("admit", request.run):
            run = self._run(request)
            self.runs.create(run)
            self.bus.event(run.name, Requested(id=f"{run.name}-requested", at=self.now()))

    def _with_environment(self, request: TrainingRequest) -> TrainingRequest:
        """A registered environment's content in the place of its name. A caller is told when there
        is none; nobody listens to a schedule's request, so its run is made, and fails with that."""
        try:
            return replace(request, job=self.environments.resolved(request.job))
        except Permanent:
            if request.source.kind == "http":
                raise
            return request

    def cancel(self, name: str) -> Run:
        """Ask for the run's end, and return it as asked to end; one that is over, or that ends by
        itself this moment, stays as it is. Raises NotFound, Transient.

        The wish is on the record first: should its message get lost, the watch sends another.
        """
        for _ in range(_RACES):
            stored = self.runs.load(name)
            run, now = stored.run, self.now()
            if run.final:
                return run
            if run.cancel_asked_at is None:
                run = replace(run, cancel_asked_at=now)
                try:
                    self.runs.save(run, stored.etag)
                except Conflict:
                    continue  # a step of the run came first
            return self._cancel(run, now)
        raise Conflict(name)

    def _cancel(self, run: Run, now: datetime) -> Run:
        asked = CancelAsked(id=f"{run.name}-cancel-{now:%Y%m%d%H%M%S}", at=now)
        try:
            self.bus.event(run.name, asked)
        except Transient as error:
            log.warning(
                "run %s: to be canceled by the watch: %s", run.name, error,
                extra={"run": run.name, "code": error.code},
            )  # fmt: skip
        then = advance(run, asked).run
        stays = (then.status, then.verdict) == (run.status, run.verdict)
        return run if stays else replace(run, status=Status.CANCEL_REQUESTED)

    def _run(self, request: TrainingRequest) -> Run:
        """The run as it is to begin, or as it is already: data is looked at once."""
        job, name = request.job, request.run
        if not _has_data(job):
            return new_run(name, job, request.source, request.at)
        with suppress(NotFound):
            return self.runs.load(name).run
        try:
            reads, writes = self.resolver.reads(job), self.resolver.writes(job, name)
        except Permanent as error:
            if request.source.kind == "http":
                raise
            # Nobody is there to be told, so it becomes a run that fails as soon as it is requested.
            problem = Problem(error.code, error.message, error.remedy)
            return replace(new_run(name, job, request.source, request.at), problem=problem)
        return new_run(name, job, request.source, request.at, reads, writes)


def _has_data(job: CommandJob) -> bool:
    data = any(isinstance(item, DataInput) for item in job.inputs.values())
    return data or any(out.path or out.name for out in job.outputs.values())
