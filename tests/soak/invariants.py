"""What has to hold once all is calm: looked up in the stores and on the machine, through the SDKs.

Each check yields sentences about what does not hold; none is good.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.servicebus import ServiceBusClient
from azure.servicebus.management import ServiceBusAdministrationClient
from azure.storage.blob import BlobServiceClient

from retrain.local.batch.settings import DEFAULT_KEY
from shared import wire
from shared.domain.run import Run
from shared.domain.status import NEXT, Status
from shared.ports.files import OUTPUTS, REGISTRY, RUNS
from tests.soak.services import BATCH_ACCOUNT, Services
from tests.soak.workload import COMPUTE, MODEL, Asked, below

_QUEUES: Final = ("training-requests", "run-events")
_NEVER: Final[dict[str, tuple[Status, ...]]] = {
    "failing": (Status.COMPLETED, Status.CANCELED),
    "cancelled": (),
}
#: A run that nobody canceled is not Canceled.
_NOT: Final = (Status.CANCELED,)


@dataclass
class Stores:
    """The stores after a soak, and what was found in them."""

    services: Services
    runs: dict[str, Run] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.blobs = BlobServiceClient.from_connection_string(self.services.blob)
        key = AzureNamedKeyCredential(BATCH_ACCOUNT, DEFAULT_KEY)
        self.batch = BatchClient(self.services.batch, key)
        self.bus = ServiceBusAdministrationClient.from_connection_string(
            self.services.servicebus,
            connection_verify=str(self.services.folder / "servicebus" / "certificate.pem"),
        )

    def close(self) -> None:
        self.blobs.close()
        self.batch.close()
        self.bus.close()

    def read(self) -> None:
        """Read every run's record."""
        container = self.blobs.get_container_client(RUNS)
        for blob in container.list_blob_names():
            run = wire.decode_run(container.download_blob(blob).readall())
            self.runs[run.name] = run

    def unfinished(self) -> int:
        """Runs that are not over, by what their records' metadata say: one call for all of them."""
        container = self.blobs.get_container_client(RUNS)
        blobs = container.list_blobs(include=["metadata"])
        return sum(not Status((blob.metadata or {})["status"]).final for blob in blobs)

    def jobs(self) -> list[str]:
        return [f"{job.id} ({job.state})" for job in self.batch.list_jobs()]

    def pools(self) -> list[str]:
        """But for those of named computes."""
        return [
            f"{pool.id} ({pool.state})"
            for pool in self.batch.list_pools()
            if pool.id != f"retrain-compute-{COMPUTE}"
        ]

    def nodes(self) -> int:
        """Of the named compute, which gives all of them back."""
        return sum(pool.current_dedicated_nodes or 0 for pool in self.batch.list_pools())

    def messages(self) -> dict[str, int]:
        """In the queues, in whatever state, but for dead letters."""
        found = {}
        for queue in _QUEUES:
            counted = self.bus.get_queue_runtime_properties(queue)
            left = counted.total_message_count or 0
            found[queue] = left - (counted.dead_letter_message_count or 0)
        return {queue: count for queue, count in found.items() if count}

    def dead_letters(self) -> list[str]:
        """Each with what it says of itself."""
        found = []
        with ServiceBusClient.from_connection_string(self.services.servicebus) as client:
            for queue in _QUEUES:
                with client.get_queue_receiver(queue, sub_queue="deadletter") as receiver:
                    found += [
                        f"{queue}: {one.message_id}: {one.dead_letter_reason} "
                        f"{one.dead_letter_error_description}"
                        for one in receiver.peek_messages(100)
                    ]
        return found


def lost_or_doubled(stores: Stores, asked: list[Asked]) -> Iterator[str]:
    """Every accepted request has exactly one run; every file that landed has one, too."""
    named = Counter[str]()
    for one in asked:
        yield from (f"ask {one.ask.number} ({one.ask.kind}): {said}" for said in one.refusals)
        if len(set(one.names)) > 1:
            yield f"ask {one.ask.number}: one key, the runs {sorted(set(one.names))}"
        named.update(set(one.names))
    yield from (f"run {name} stands for {n} requests" for name, n in named.items() if n > 1)
    yield from (f"run {name} is lost" for name in named if name not in stores.runs)
    for name, run in stores.runs.items():
        if run.source.kind == "http" and name not in named:
            yield f"run {name} was asked for by nobody"
    yield from _files(stores, asked)


def _files(stores: Stores, asked: list[Asked]) -> Iterator[str]:
    runs: dict[str, list[Run]] = defaultdict(list)
    for run in stores.runs.values():
        for path in run.source.paths:
            runs[path].append(run)
    for one in asked:
        if one.path:
            found = len(runs.pop(one.path, []))
            if not one.distinct <= found <= one.uploads and not (
                found and one.ask.kind == "file twice"  # the second replaced the first in time
            ):
                yield f"file {one.path}, made {one.uploads} times, has {found} runs"
    yield from (f"runs of {path}, which nobody made" for path in runs)


def not_over(stores: Stores) -> Iterator[str]:
    """Every run is over, along the table, and as its job has to end."""
    for run in stores.runs.values():
        if not run.final:
            yield f"run {run.name} stays {run.status}: {_told(run)}"
        for before, after in pairwise(run.timeline):
            if after.status not in NEXT[before.status]:
                yield f"run {run.name} went from {before.status} to {after.status}: {_told(run)}"
            if after.at < before.at:
                yield f"run {run.name} went back in time: {_told(run)}"
        if run.timeline[-1].status is not run.status:
            yield f"run {run.name} is {run.status}: {_told(run)}"


def odd_ends(stores: Stores, asked: list[Asked]) -> Iterator[str]:
    """A run ends as its job has to, or by a failure of its compute."""
    for one in asked:
        for run in (stores.runs[name] for name in set(one.names) if name in stores.runs):
            if run.status in _NEVER.get(one.ask.kind, _NOT):
                yield f"run {run.name} ({one.ask.kind}) is {run.status}: {_told(run)}"
            scripts = run.problem is not None and run.problem.code == "ScriptFailed"
            if scripts and one.ask.kind != "failing":
                yield f"run {run.name} ({one.ask.kind}) failed by itself: {run.problem}"


def committed_twice(stores: Stores, asked: list[Asked]) -> Iterator[str]:
    """Each version of the model has one maker, whose last attempt made it, and each maker one."""
    makers = Counter[str]()
    for run in stores.runs.values():
        versions = [w for w in run.writes if w.asset is not None and w.asset.name == MODEL]
        if run.status is not Status.COMPLETED and versions:
            yield f"run {run.name} is {run.status} and has made {versions[0].asset}"
        for written in versions:
            makers[str(written.asset)] += 1
            yield from _by_its_last_attempt(stores, run, written.place.path)
    models = [run for one in asked if one.ask.kind == "model" for run in _runs(stores, one)]
    completed = [run.name for run in models if run.status is Status.COMPLETED]
    yield from (f"{version} has {n} makers" for version, n in makers.items() if n > 1)
    if len(makers) != len(completed):
        yield f"{len(completed)} runs completed a model, and there are {len(makers)} versions"
    kept = {
        name for name in stores.blobs.get_container_client(REGISTRY).list_blob_names()
        if name.startswith(f"models/{MODEL}/")
    }  # fmt: skip
    if len(kept) != len(makers):
        yield f"the registry holds {len(kept)} versions, and {len(makers)} were made: {kept}"


def _by_its_last_attempt(stores: Stores, run: Run, path: str) -> Iterator[str]:
    who = stores.blobs.get_blob_client(OUTPUTS, f"{path.rstrip('/')}/who")
    said = who.download_blob().readall().decode().split()
    if said != [run.name, str(run.attempt)]:
        yield f"run {run.name} has attempt {run.attempt}, and its model is from {said}"


def outputs_of_nobody(stores: Stores) -> Iterator[str]:
    """Outputs belong to attempts that were made, or are logs of environments."""
    for path in stores.blobs.get_container_client(OUTPUTS).list_blob_names():
        name, attempt, *_ = path.split("/")
        if name == "environments":
            continue
        run = stores.runs.get(name)
        if run is None or not attempt.isdecimal() or int(attempt) > run.attempt:
            yield f"output {path} belongs to no attempt of a run"


def waiting_files(stores: Stores) -> Iterator[str]:
    """No file waits for others for ever."""
    for path in stores.blobs.get_container_client(REGISTRY).list_blob_names():
        if path.startswith(("waiting/", "complete/")):
            yield f"{path} still waits"


def left_over(stores: Stores) -> Iterator[str]:
    """Compute and messages."""
    yield from (f"Batch job {job}" for job in stores.jobs())
    yield from (f"Batch pool {pool}" for pool in stores.pools())
    if nodes := stores.nodes():
        yield f"{nodes} nodes"
    yield from (f"{count} messages in {queue}" for queue, count in stores.messages().items())
    yield from (f"dead letter {letter}" for letter in stores.dead_letters() if _odd(letter))
    poison = stores.services.folder / "host" / "host" / "webjobs-blobtrigger-poison.jsonl"
    if poison.exists():
        yield from (f"poisoned blob {line}" for line in poison.read_text().splitlines())


def _odd(letter: str) -> bool:
    """A message whose deliveries all fell into an outage is explained; what it was about is over,
    since the watch saw to it, or `not_over` tells."""
    return "MaxDeliveryCountExceeded" not in letter


def left_on_disk(services: Services) -> Iterator[str]:
    """Temporary files, and folders of nodes and tasks. Look when the services have stopped."""
    yield from (f"temporary file {path}" for path in below(services.temporary))
    nodes = services.folder / "batch" / "nodes"
    yield from (f"folder of a node {path}" for path in below(nodes))
    for path in below(services.folder):
        if path.suffix in (".new", ".tmp", ".part") or path.name.endswith("~"):
            yield f"half written file {path}"


def left_running(services: Services) -> Iterator[str]:
    """Processes. Look when the services have stopped."""
    for process in services.processes():
        yield f"process {process.pid}: {' '.join(process.cmdline())[:200]}"


def _runs(stores: Stores, one: Asked) -> list[Run]:
    return [stores.runs[name] for name in set(one.names) if name in stores.runs]


def _told(run: Run) -> str:
    statuses = " > ".join(f"{m.status} {m.at:%H:%M:%S}" for m in run.timeline)
    return f"attempt {run.attempt}, {statuses}, {run.problem}, last event {run.last_event}"
