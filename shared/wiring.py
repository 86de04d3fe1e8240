"""Where the parts are put together, once in a process, from what the environment says.

The only room that reads the clock and the environment.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.identity import DefaultAzureCredential
from azure.servicebus import ServiceBusClient
from azure.storage.blob import BlobServiceClient

from shared import settings
from shared.app.admission import Admission
from shared.app.cron import CronTriggers
from shared.app.effects import Effects
from shared.app.file_triggers import FileTriggers
from shared.app.logs import Logs
from shared.app.observing import Observer
from shared.app.queries import Queries
from shared.app.schedules import Schedules
from shared.app.uploads import Uploads
from shared.app.watch import Watch
from shared.app.workflow import Workflow
from shared.azure.batch_compute import BatchCompute
from shared.azure.batch_inventory import BatchInventory
from shared.azure.batch_logs import BatchLogs
from shared.azure.batch_models import Node
from shared.azure.blob_files import BlobFiles
from shared.azure.blob_links import BlobLinks
from shared.azure.blob_registry import BlobRegistry
from shared.azure.blob_runs import BlobRuns
from shared.azure.errors import RETRIES
from shared.azure.images import LoopbackImages, NoImages
from shared.azure.service_bus import ServiceBus
from shared.ports.bus import Bus
from shared.ports.compute import Compute, Inventory, LiveLogs
from shared.ports.files import Files, Links
from shared.ports.images import Images
from shared.ports.registry import Registry
from shared.ports.runs import Runs
from shared.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The world, by its ports."""

    runs: Runs
    files: Files
    links: Links
    registry: Registry
    bus: Bus
    compute: Compute
    inventory: Inventory
    live_logs: LiveLogs
    images: Images
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The use cases."""

    admission: Admission
    workflow: Workflow
    observer: Observer
    watch: Watch
    queries: Queries
    logs: Logs
    schedules: Schedules
    file_triggers: FileTriggers
    cron_triggers: CronTriggers
    uploads: Uploads
    now: Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


@cache
def product() -> Product:
    """The process's own, over the services its environment names. Raises MissingSettings."""
    return built(ports(settings.read(os.environ), utc_now))


def built(world: Ports) -> Product:
    """The use cases over any world: Azure's, the local stack's, the simulation's."""
    observer = Observer(world.compute, world.bus, world.now)
    effects = Effects(
        compute=world.compute,
        live_logs=world.live_logs,
        images=world.images,
        files=world.files,
        bus=world.bus,
        observer=observer,
        now=world.now,
    )
    schedules = Schedules(world.registry, world.now)
    return Product(
        admission=Admission(world.runs, world.registry, world.bus, world.now),
        workflow=Workflow(world.runs, effects),
        observer=observer,
        watch=Watch(world.runs, world.inventory, world.compute, observer, world.bus, world.now),
        queries=Queries(world.runs, world.compute, world.inventory, world.files, world.links),
        logs=Logs(world.runs, world.files, world.live_logs),
        schedules=schedules,
        file_triggers=FileTriggers(schedules, world.registry, world.runs, world.files, world.bus),
        cron_triggers=CronTriggers(schedules, world.registry, world.bus, world.now),
        uploads=Uploads(world.files, world.links),
        now=world.now,
    )


def ports(chosen: Settings, now: Callable[[], datetime]) -> Ports:
    """Adapters over the real SDKs. Opens no connection yet."""
    blobs, key = _blob_service(chosen)
    links = BlobLinks(blobs, key, now)
    batch = _batch_client(chosen)
    return Ports(
        runs=BlobRuns(blobs),
        files=BlobFiles(blobs),
        links=links,
        registry=BlobRegistry(blobs),
        bus=ServiceBus(lambda: _service_bus(chosen)),
        compute=BatchCompute(batch, links, _node(chosen)),
        inventory=BatchInventory(batch),
        live_logs=BatchLogs(batch),
        images=LoopbackImages(chosen.images) if chosen.images else NoImages(),
        now=now,
    )


@cache
def _identity() -> TokenCredential:
    return DefaultAzureCredential()


def _blob_service(chosen: Settings) -> tuple[BlobServiceClient, str | None]:
    """The client, and the account's key when the connection string holds one."""
    options: dict[str, Any] = {"retry_total": RETRIES}
    if "=" not in chosen.storage:
        return BlobServiceClient(chosen.storage, _identity(), **options), None
    fields = dict(part.split("=", 1) for part in chosen.storage.split(";") if part)
    service = BlobServiceClient.from_connection_string(chosen.storage, **options)
    return service, fields.get("AccountKey")


def _service_bus(chosen: Settings) -> ServiceBusClient:
    if "=" not in chosen.servicebus:
        return ServiceBusClient(chosen.servicebus, _identity())
    return ServiceBusClient.from_connection_string(chosen.servicebus)


def _batch_client(chosen: Settings) -> BatchClient:
    credential = (
        AzureNamedKeyCredential(chosen.batch_account, chosen.batch_key)
        if chosen.batch_key
        else _identity()
    )
    return BatchClient(chosen.batch, credential, retry_total=RETRIES)


def _node(chosen: Settings) -> Node:
    publisher, offer, sku = chosen.node_image.split(":")
    return Node(chosen.vm_size, publisher, offer, sku, chosen.node_agent)
