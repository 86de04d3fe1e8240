"""Datastores of one's own: kept in the registry, and what paths in them stand for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.app.documents import checked
from shared.domain.errors import Invalid, NotFound
from shared.domain.lineage import Place
from shared.domain.run import Run
from shared.jobs import dump
from shared.jobs.data_paths import BlobAddress, PublicFile, Remote, RunOutput
from shared.jobs.datastore import CONTAINERS, DatastorePath
from shared.jobs.documents import parse_document
from shared.jobs.stores import Datastore
from shared.ports.files import OUTPUTS, REGISTRY, RUNS, SNAPSHOTS, Files
from shared.ports.registry import Registry
from shared.ports.runs import Runs

KIND: Final = "datastores"
#: Of our own account: what nobody reads by an address, and what nobody's output goes to.
_PRIVATE: Final = (RUNS, REGISTRY)
_OURS: Final = (RUNS, REGISTRY, SNAPSHOTS, OUTPUTS)


@dataclass(frozen=True, slots=True)
class KeptStore:
    store: Datastore
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Datastores:
    registry: Registry
    files: Files
    runs: Runs
    now: Callable[[], datetime]

    def put(self, document: Mapping[str, Any]) -> tuple[KeptStore, bool]:
        """Create or replace; True when it is new. Raises Invalid, Refused.

        The container must be there; in our own account it is made.
        """
        store = checked(lambda given: parse_document(given, "datastore"), document)
        assert isinstance(store, Datastore)
        own = store.account_name == self.files.account()
        if own and store.container in _OURS:
            raise _invalid("container_name", f"'{store.container}' is kept for Retrain's own use")
        if not self.files.ensure(store.container, store.account_name):
            where = f"the storage account '{store.account_name}' has no container"
            raise _invalid("container_name", f"{where} '{store.container}'; create it there")
        kept = KeptStore(store, self.now())
        record = {"created_at": kept.created_at.isoformat(), "datastore": dump(store)}
        return kept, self.registry.put(KIND, store.name, record)

    def get(self, name: str) -> KeptStore:
        """Raises NotFound."""
        record = self.registry.get(KIND, name)
        if record is None:
            raise self._missing(name)
        return _kept(record)

    def all(self) -> Sequence[KeptStore]:
        """By name; without the built-in ones."""
        return [_kept(record) for record in self.registry.list(KIND)]

    def delete(self, name: str) -> None:
        """The data stays where it is. Raises NotFound."""
        if not self.registry.delete(KIND, name):
            raise self._missing(name)

    def place(self, path: Remote, folder: bool) -> Place:
        """What the path stands for. Raises NotFound, Invalid."""
        match path:
            case PublicFile():
                return Place(uri=str(path), folder=False, public=path.url)
            case BlobAddress():
                return self._address(path, folder)
            case RunOutput():
                return self._left(path, folder)
            case DatastorePath(store, below):
                if store in CONTAINERS:
                    return _place(path, folder, "", CONTAINERS[store], below)
                kept = self.get(store).store
                account = "" if kept.account_name == self.files.account() else kept.account_name
                return _place(path, folder, account, kept.container, below)

    def writable(self, path: Remote, folder: bool) -> Place:
        """As `place`, for an output. Raises NotFound, Invalid."""
        found = self.place(path, folder)
        if found.public:
            raise Invalid(
                f"{path} is in an account that no datastore names: nothing can be written there.",
                remedy="Register its container with `retrain datastore create -f`.",
                code="NotWritable",
            )
        if not found.account and found.container in _OURS:
            raise Invalid(
                f"{path} is where Retrain keeps its own things.",
                remedy="Write to azureml://datastores/workspaceblobstore/paths/<path>.",
                code="NotWritable",
            )
        return found

    def _left(self, path: RunOutput, folder: bool) -> Place:
        """Of a declared output its own place, of the rest below the run's last attempt: what was
        logged is apart from the folders that scripts write to."""
        run = self.runs.load(path.run).run
        if path.output is None:
            ours = path.path.startswith(("outputs/", "logs/"))
            below = path.path if ours else f"artifacts/{path.path}"
            return self.place(_kept_under(run, below), folder)
        written = next((one for one in run.writes if one.output == path.output), None)
        if written is None:
            raise NotFound("output", str(path), f"`retrain job show {run.name} --lineage`.")
        if not path.path:
            return written.place
        whole = written.place.path + path.path
        address = f"{written.place.uri.rstrip('/')}/{path.path}"
        inner = _prefix(whole) if folder else whole
        return replace(written.place, uri=address, folder=folder, path=inner)

    def _address(self, path: BlobAddress, folder: bool) -> Place:
        if path.account == self.files.account():
            if path.container in _PRIVATE:
                raise Invalid(f"{path} is where Retrain keeps its records.", code="NotReadable")
            return _place(path, folder, "", path.container, path.path)
        known = {(kept.store.account_name, kept.store.container) for kept in self.all()}
        if (path.account, path.container) in known:
            return _place(path, folder, path.account, path.container, path.path)
        public = path.container_url if folder else path.url
        prefix = _prefix(path.path) if folder else path.path
        return Place(uri=str(path), folder=folder, path=prefix, public=public)

    def _missing(self, name: str) -> NotFound:
        names = [*CONTAINERS, *(kept.store.name for kept in self.all())]
        remedy = f"There are: {', '.join(names)}; `retrain datastore create -f` makes more."
        return NotFound("datastore", name, remedy, names)


def _kept_under(run: Run, below: str) -> DatastorePath:
    return DatastorePath("workspaceartifactstore", f"{run.name}/{run.attempt}/{below}")


def _place(path: Remote, folder: bool, account: str, container: str, below: str) -> Place:
    inner = _prefix(below) if folder else below
    return Place(uri=str(path), folder=folder, account=account, container=container, path=inner)


def _prefix(path: str) -> str:
    """A folder's blobs begin with its path and a slash; the whole container's with nothing."""
    return path if not path or path.endswith("/") else f"{path}/"


def _kept(record: Mapping[str, Any]) -> KeptStore:
    store = parse_document(record["datastore"], "datastore")
    assert isinstance(store, Datastore)
    return KeptStore(store, datetime.fromisoformat(record["created_at"]))


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(
        f"The datastore can't be used: {field}: {message}.", code="InvalidDatastore",
        remedy="Mend the field, and send it again.", details=[(field, message)],
    )  # fmt: skip
