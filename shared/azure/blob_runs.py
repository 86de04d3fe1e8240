"""Records of runs as blobs: `runs/<run>/run.json`, guarded by their ETags.

What a list shows stands in the blob's metadata too, so that 5,000 runs are one call. Metadata is
ASCII, so the free text goes through percent-encoding, cut to stay far below the limit of 8 KB.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, unquote
from xml.etree import ElementTree

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobServiceClient, ContentSettings

from shared import wire
from shared.azure.errors import translated
from shared.domain.errors import Conflict, NotFound
from shared.domain.run import Run
from shared.domain.status import Status
from shared.jobs import named_compute
from shared.ports.files import RUNS
from shared.ports.runs import Stored, Summary

_SERVICE = "Blob Storage"
_FILE: Final = "/run.json"
_JSON: Final = ContentSettings(content_type="application/json")
_TEXT: Final = 200  # characters of a name that a list shows


class BlobRuns:
    """Runs. page: how many a call of a list brings; 5,000 is the most that the service gives."""

    def __init__(self, service: BlobServiceClient, page: int | None = None) -> None:
        self._container = service.get_container_client(RUNS)
        self._page = page

    def create(self, run: Run) -> bool:
        try:
            self._container.get_blob_client(run.name + _FILE).upload_blob(
                wire.encode_run(run), metadata=_metadata(run), content_settings=_JSON
            )
        except ResourceExistsError:
            return False
        except AzureError as error:
            raise translated(_SERVICE, error) from error
        return True

    def load(self, name: str) -> Stored:
        try:
            found = self._container.get_blob_client(name + _FILE).download_blob()
            return Stored(wire.decode_run(found.readall()), str(found.properties.etag))
        except ResourceNotFoundError as error:
            raise NotFound("run", name, "`retrain job list` shows those there are.") from error
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def save(self, run: Run, etag: str) -> None:
        try:
            self._container.get_blob_client(run.name + _FILE).upload_blob(
                wire.encode_run(run),
                overwrite=True,
                etag=etag,
                match_condition=MatchConditions.IfNotModified,
                metadata=_metadata(run),
                content_settings=_JSON,
            )
        except ResourceModifiedError as error:
            raise Conflict(run.name) from error
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def list(self, prefix: str = "") -> Iterable[Summary]:
        try:
            for page in self._pages(prefix):
                for name, metadata in page:
                    if name.endswith(_FILE):
                        yield _summary(name.removesuffix(_FILE), metadata)
        except AzureError as error:
            raise translated(_SERVICE, error) from error

    def _pages(self, prefix: str) -> Iterator[Iterator[tuple[str, dict[str, str]]]]:
        """Names with metadata, 5,000 a page. The SDK's own list of blobs makes objects of all that
        it is told of each; that takes five times as long, and a second for 5,000."""
        answers: deque[bytes] = deque(maxlen=1)  # of a page that was asked for twice the last

        def heard(answer: Any) -> None:
            answers.append(answer.http_response.body())

        listed = self._container.list_blob_names(
            name_starts_with=prefix or None,
            include=["metadata"],
            results_per_page=self._page,
            raw_response_hook=heard,
        )
        for _ in listed.by_page():
            yield _parsed(answers.pop())


def _parsed(page: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    for blob in ElementTree.fromstring(page).iterfind("Blobs/Blob"):  # noqa: S314  the service's own
        metadata = blob.find("Metadata")
        told = () if metadata is None else metadata
        yield blob.findtext("Name", ""), {one.tag: one.text or "" for one in told}


def _metadata(run: Run) -> dict[str, str]:
    times = {
        "created": run.created_at,
        "heard": run.heard_at,
        "started": run.started_at,
        "ended": run.ended_at,
        "cancel": run.cancel_asked_at,
    }
    timeout = run.job.limits.timeout
    words = {
        "display_name": (run.job.display_name or "")[:_TEXT],
        "experiment_name": run.job.experiment_name[:_TEXT],
        "kind": run.source.kind,
        "schedule": run.source.schedule,
        "compute": named_compute(run.job.compute),
        "nodes": run.job.resources.instance_count,
    }
    return {
        "status": run.status.value,
        "attempt": str(run.attempt),
        "words": quote(json.dumps(words)),
        **({"timeout": str(timeout)} if timeout else {}),
        **{name: at.isoformat() for name, at in times.items() if at is not None},
    }


def _summary(name: str, metadata: dict[str, str]) -> Summary:
    def time(key: str) -> datetime | None:
        return datetime.fromisoformat(metadata[key]) if key in metadata else None

    created = datetime.fromisoformat(metadata["created"])
    words: dict[str, Any] = json.loads(unquote(metadata["words"]))
    return Summary(
        name=name,
        status=Status(metadata["status"]),
        attempt=int(metadata["attempt"]),
        created_at=created,
        heard_at=time("heard") or created,
        started_at=time("started"),
        ended_at=time("ended"),
        cancel_asked_at=time("cancel"),
        timeout=int(metadata["timeout"]) if "timeout" in metadata else None,
        **words,
    )
