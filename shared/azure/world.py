"""The adapters over the real SDKs, from the settings: by identity in the cloud, by keys locally."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, Final

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential, TokenCredential
from azure.servicebus import ServiceBusClient
from azure.storage.blob import BlobServiceClient

from shared.azure.accounts import Accounts
from shared.azure.batch_compute import BatchCompute
from shared.azure.batch_inventory import BatchInventory
from shared.azure.batch_logs import BatchLogs
from shared.azure.batch_models import Node
from shared.azure.batch_pools import BatchPools
from shared.azure.blob_files import BlobFiles
from shared.azure.blob_ledger import BlobLedger
from shared.azure.blob_links import BlobLinks
from shared.azure.blob_parts import BlobParts
from shared.azure.blob_registry import BlobRegistry
from shared.azure.blob_runs import BlobRuns
from shared.azure.dead_letters import ServiceBusDeadLetters
from shared.azure.errors import RETRIES
from shared.azure.images import LoopbackImages, NoImages
from shared.azure.registry_images import RegistryImages, login_server, no_login
from shared.azure.registry_login import RegistryLogin
from shared.azure.registry_lookup import RegistryLookup
from shared.azure.registry_tasks import RegistryTasks
from shared.azure.retries import RetryEveryMethod
from shared.azure.service_bus import ServiceBus
from shared.azure.webhooks import SignedWebhooks
from shared.ports.telemetry import SILENT, Telemetry
from shared.ports.world import Ports
from shared.settings import Settings, limits

#: Storage's own policy waits 18, 24, 42 and 96 s; a message's lock would be gone by then. This one
#: waits 2, 4, 8 and 16 s, give or take one.
BLOB_RETRIES: Final[dict[str, Any]] = {
    "retry_total": RETRIES,
    "initial_backoff": 0,
    "increment_base": 2,
    "random_jitter_range": 1,
}


def azure_ports(
    chosen: Settings, now: Callable[[], datetime], telemetry: Telemetry = SILENT
) -> Ports:
    """Adapters over the real SDKs. Opens no connection yet."""
    blobs, key = _blob_service(chosen)
    accounts = Accounts(blobs, None if key else _other_account)
    links = BlobLinks(blobs, key, now, accounts)
    batch = _batch_client(chosen)
    files = BlobFiles(blobs, accounts)
    images = _images(chosen, links, files, now)
    login = images.login if isinstance(images, RegistryImages) else no_login
    return Ports(
        runs=BlobRuns(blobs),
        files=files,
        links=links,
        registry=BlobRegistry(blobs),
        bus=ServiceBus(lambda: _service_bus(chosen), telemetry),
        dead_letters=ServiceBusDeadLetters(lambda: _service_bus(chosen)),
        compute=BatchCompute(batch, links, _node(chosen), login),
        inventory=BatchInventory(batch),
        pools=BatchPools(batch, _node(chosen), chosen.batch),
        live_logs=BatchLogs(batch),
        images=images,
        webhooks=SignedWebhooks(
            chosen.webhook_secret, private=chosen.webhook_private.lower() == "true"
        ),
        ledger=BlobLedger(blobs),
        parts=BlobParts(blobs, links),
        now=now,
        url=chosen.url.rstrip("/"),
        limits=limits(chosen),
    )


@cache
def _identity() -> TokenCredential:
    # A quarter of a second to import, and the local stack never needs it.
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def _blob_service(chosen: Settings) -> tuple[BlobServiceClient, str | None]:
    """The client, and the account's key when the connection string holds one."""
    if "=" not in chosen.storage:
        return BlobServiceClient(chosen.storage, _identity(), **BLOB_RETRIES), None
    fields = dict(part.split("=", 1) for part in chosen.storage.split(";") if part)
    service = BlobServiceClient.from_connection_string(chosen.storage, **BLOB_RETRIES)
    return service, fields.get("AccountKey")


def _other_account(account: str, endpoint: str) -> BlobServiceClient:
    return BlobServiceClient(f"https://{account}.blob.{endpoint}", _identity(), **BLOB_RETRIES)


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
    policy = RetryEveryMethod(retry_total=RETRIES, retry_connect=RETRIES)
    return BatchClient(chosen.batch, credential, retry_policy=policy)


def _images(
    chosen: Settings, links: BlobLinks, files: BlobFiles, now: Callable[[], datetime]
) -> LoopbackImages | RegistryImages | NoImages:
    """Where environments are found and built. Raises Refused for what is no registry."""
    if chosen.images:
        return LoopbackImages(chosen.images, links)
    if not chosen.registry:
        return NoImages()

    def lookup(server: str) -> RegistryLookup:
        return RegistryLookup(RegistryLogin(server, _identity, now))

    shared = [name.strip() for name in chosen.shared_registries.split(",") if name.strip()]
    return RegistryImages(
        own=lookup(login_server(chosen.registry)),
        shared=[lookup(name) for name in shared],
        tasks=RegistryTasks(chosen.registry, _identity),
        files=files,
        links=links,
    )


def _node(chosen: Settings) -> Node:
    publisher, offer, sku = chosen.node_image.split(":")
    return Node(chosen.vm_size, publisher, offer, sku, chosen.node_agent, chosen.subnet)
