"""Where the parts are put together, once in a process, from what the environment says.

The only room that reads the clock and the environment.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from shared import settings
from shared.app.admission import Admission
from shared.app.agenda import Agenda
from shared.app.assets import Assets
from shared.app.books import Books
from shared.app.by_hand import ByHand
from shared.app.capacity_book import CapacityBook
from shared.app.catalog import Catalog
from shared.app.clock_triggers import ClockTriggers
from shared.app.computes import Computes
from shared.app.contents import Contents
from shared.app.costs import NOWHERE, Costs, NodesOf, Place
from shared.app.datastores import Datastores
from shared.app.dead_letters import DeadLetterDesk
from shared.app.deliveries import Deliveries
from shared.app.draining import Draining
from shared.app.effects import Effects
from shared.app.environments import Environments
from shared.app.experiments import Experiments
from shared.app.file_memory import FileMemory
from shared.app.file_triggers import FileTriggers
from shared.app.gate import Gate
from shared.app.image_builds import ImageBuilds
from shared.app.inbox import Inbox
from shared.app.lineage import Lineage
from shared.app.logged_models import LoggedModels
from shared.app.logs import Logs
from shared.app.manifests import Manifests
from shared.app.metrics import Metrics
from shared.app.notifying import Notifier
from shared.app.observing import Observer
from shared.app.prices import Prices, read_prices
from shared.app.promotion import Promoter
from shared.app.queries import Queries
from shared.app.refusals import Refusals
from shared.app.resolution import Resolver
from shared.app.schedules import Schedules
from shared.app.script_tracking import ScriptTracking
from shared.app.starting import Starting
from shared.app.sweeping import Sweeping
from shared.app.timetable import Timetable
from shared.app.tracked_artifacts import TrackedArtifacts
from shared.app.tracked_search import TrackedSearch
from shared.app.tracked_words import fields
from shared.app.tracking import Tracking
from shared.app.tracking_tokens import Tokens
from shared.app.uploads import Uploads
from shared.app.watch import Watch
from shared.app.watched import Watched
from shared.app.windows import Windows
from shared.app.workflow import Workflow
from shared.domain.errors import Invalid
from shared.domain.ledger import Limits
from shared.ports.telemetry import SILENT, Telemetry
from shared.ports.world import Ports
from shared.settings import Settings, SignIn

log = logging.getLogger("retrain.wiring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The use cases."""

    admission: Admission
    workflow: Workflow
    observer: Observer
    watch: Watch
    book: CapacityBook
    draining: Draining
    gate: Gate
    limits: Limits
    queries: Queries
    logs: Logs
    costs: Costs
    metrics: Metrics
    tracking: Tracking
    tracked_search: TrackedSearch
    artifacts: TrackedArtifacts
    experiments: Experiments
    logged_models: LoggedModels
    tokens: Tokens
    schedules: Schedules
    computes: Computes
    file_triggers: FileTriggers
    windows: Windows
    timetable: Timetable
    by_hand: ByHand
    inbox: Inbox
    uploads: Uploads
    assets: Assets
    datastores: Datastores
    lineage: Lineage
    deliveries: Deliveries
    catalog: Catalog
    environments: Environments
    builds: ImageBuilds
    refusals: Refusals
    dead_letters: DeadLetterDesk
    now: Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def access() -> tuple[SignIn | None, int]:
    """Who may sign in (None: function keys), and how often one caller may ask in a minute (0: at
    will). Raises MissingSettings and BadSettings."""
    return settings.sign_in(os.environ), settings.rate(os.environ)


@cache
def product() -> Product:
    """The process's own, over the services its environment names. Raises MissingSettings."""
    chosen = settings.read(os.environ)
    place = Place(chosen.vm_size, chosen.region, chosen.local)
    return built(ports(chosen, utc_now), place, telemetry())


def ports(chosen: Settings, now: Callable[[], datetime]) -> Ports:
    """Adapters over the real SDKs. Opens no connection yet.

    The SDKs take longer to import than all the rest; the worker, which waits for the app's import
    before it does anything, gets them with the first event instead.
    """
    from shared.azure.world import azure_ports

    return azure_ports(chosen, now, telemetry())


@cache
def prices() -> Prices | None:
    """The table that the environment names, or ours; None, which the log explains, when it can't
    be read: a run is not worth less for want of its price."""
    file = Path(os.environ.get("RETRAIN_PRICES") or Path(__file__).with_name("prices.json"))
    try:
        return read_prices(file.read_bytes())
    except (OSError, Invalid) as error:
        log.error("no prices, so no costs: RETRAIN_PRICES, %s: %s", file, error)  # noqa: TRY400
        return None


def write_logs_as_asked() -> None:
    """With RETRAIN_LOG=json every line of the log is a JSON object, whoever's handler writes it."""
    if os.environ.get("RETRAIN_LOG", "").lower() == "json":
        from shared.telemetry.json_lines import write_json

        write_json(logging.getLogger().handlers)


@cache
def telemetry() -> Telemetry:
    """What the variables of OpenTelemetry ask for. Without them nothing of it is imported."""
    from shared.telemetry.asked import exporters

    if not (asked := exporters(os.environ)):
        return SILENT
    try:
        from shared.telemetry.otel import from_environment

        return from_environment(asked, os.environ)
    except (ImportError, LookupError, ValueError) as error:  # runs go on without it
        log.error("no telemetry: %s", error)  # noqa: TRY400
        return SILENT


def built(world: Ports, place: Place = NOWHERE, telemetry: Telemetry = SILENT) -> Product:
    """The use cases over any world: Azure's, the local stack's, the simulation's.

    place: where its nodes are.
    """
    observer = Observer(world.compute, world.bus, world.now)
    book = CapacityBook(world.registry, world.now)
    draining = Draining(book, world.runs, world.inventory, world.compute, world.bus, world.now)
    builds = ImageBuilds(world.images, world.registry, world.files, world.now)
    assets, deliveries = Assets(world.registry, world.now), Deliveries(world.registry)
    datastores = Datastores(world.registry, world.files, world.runs, world.now)
    contents = Contents(world.files)
    tokens, books = Tokens(world.registry, world.now), Books(world.ledger)
    metrics = Metrics(world.runs, books)
    lineage = Lineage(world.registry, world.runs, assets, contents, Promoter(assets, metrics.last))
    resolver = Resolver(assets, datastores, contents)
    tracking = Tracking(world.runs, books, world.now)
    experiments = Experiments(world.runs, world.registry, world.now)
    environments = Environments(assets, builds, world.now)
    computes = Computes(world.registry, world.runs, world.pools, world.inventory, book, world.now)
    gate = Gate(book, computes, world.runs, world.bus, world.limits, world.now)
    nodes_of = NodesOf(computes, place)
    effects = Effects(
        compute=world.compute,
        live_logs=world.live_logs,
        builds=builds,
        environments=environments,
        files=world.files,
        bus=world.bus,
        gate=gate,
        observer=observer,
        notifier=Notifier(world.webhooks, world.bus, deliveries, world.now),
        lineage=lineage,
        tracking=ScriptTracking(tokens, world.url),
        nodes_of=nodes_of,
        now=world.now,
    )
    admission = Admission(
        runs=world.runs,
        registry=world.registry,
        bus=world.bus,
        webhooks=world.webhooks,
        environments=environments,
        computes=computes,
        limits=world.limits,
        resolver=resolver,
        lineage=lineage,
        now=world.now,
        telemetry=telemetry,
    )
    agenda = Agenda(world.registry)
    schedules = Schedules(
        registry=world.registry,
        agenda=agenda,
        watched=Watched(world.registry),
        webhooks=world.webhooks,
        computes=computes,
        now=world.now,
    )
    workflow = Workflow(world.runs, effects, gate, telemetry)
    refusals = Refusals(world.registry, world.now)
    starting = Starting(world.registry, world.runs, admission, world.now)
    memory, manifests = FileMemory(world.registry, world.runs), Manifests(world.files)
    windows = Windows(
        schedules=schedules,
        registry=world.registry,
        files=world.files,
        memory=memory,
        manifests=manifests,
        starting=starting,
        agenda=agenda,
        bus=world.bus,
        now=world.now,
    )
    file_triggers = FileTriggers(schedules, world.files, memory, manifests, windows, starting)
    timetable = Timetable(
        schedules=schedules,
        registry=world.registry,
        agenda=agenda,
        clock_triggers=ClockTriggers(schedules, starting, agenda, world.now),
        windows=windows,
        sweeping=Sweeping(world.registry, world.now),
        now=world.now,
    )
    by_hand = ByHand(
        schedules=schedules,
        registry=world.registry,
        files=world.files,
        manifests=manifests,
        windows=windows,
        starting=starting,
        admission=admission,
        now=world.now,
    )
    return Product(
        admission=admission,
        workflow=workflow,
        observer=observer,
        watch=Watch(
            runs=world.runs,
            inventory=world.inventory,
            compute=world.compute,
            computes=computes,
            observer=observer,
            draining=draining,
            gate=gate,
            bus=world.bus,
            now=world.now,
            telemetry=telemetry,
        ),
        book=book,
        draining=draining,
        gate=gate,
        limits=world.limits,
        queries=Queries(world.runs, world.compute, world.inventory, world.files, world.links),
        logs=Logs(world.runs, world.files, world.live_logs, builds),
        costs=Costs(nodes_of, prices, world.now),
        metrics=metrics,
        tracking=tracking,
        tracked_search=TrackedSearch(world.runs, books, tracking, experiments, fields),
        artifacts=TrackedArtifacts(world.files, world.parts, world.links, world.now),
        experiments=experiments,
        logged_models=LoggedModels(world.runs, world.ledger, tracking, world.now),
        tokens=tokens,
        schedules=schedules,
        computes=computes,
        file_triggers=file_triggers,
        windows=windows,
        timetable=timetable,
        by_hand=by_hand,
        inbox=Inbox(workflow, windows),
        uploads=Uploads(world.files, world.links),
        assets=assets,
        datastores=datastores,
        lineage=lineage,
        deliveries=deliveries,
        catalog=Catalog(assets, datastores, contents, world.links),
        environments=environments,
        builds=builds,
        refusals=refusals,
        dead_letters=DeadLetterDesk(
            world.dead_letters, refusals, world.registry, world.now, telemetry=telemetry
        ),
        now=world.now,
    )
