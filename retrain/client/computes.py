"""Named computes, and what exists of runs, as Python calls; `Client` has all of these."""

from typing import cast
from urllib.parse import quote

from retrain.client.compute_records import Compute, ComputeLimits, Drained
from retrain.client.connection import Connection
from retrain.client.records import Document


class ComputeCalls:
    """What `Client` can be asked about compute."""

    _connection: Connection

    def create_compute(self, document: Document) -> Document:
        """Create the compute, or change how many nodes the one with its name has."""
        return cast(Document, self._connection.json("POST", "/api/computes", body=document))

    def update_compute(self, name: str, changes: Document) -> Document:
        """changes: min_instances, max_instances, idle_time_before_scale_down, description, tags."""
        return cast(Document, self._connection.json("PATCH", _compute(name), body=changes))

    def list_computes(self) -> list[Document]:
        """Each with `nodes`: how many it has now, by what they do."""
        return cast(list[Document], self._connection.json("GET", "/api/computes")["computes"])

    def get_compute(self, name: str) -> Document:
        return cast(Document, self._connection.json("GET", _compute(name)))

    def delete_compute(self, name: str) -> None:
        """Delete it with its nodes; raises ApiError while runs use it."""
        self._connection.api("DELETE", _compute(name))

    def compute(self) -> Compute:
        """What Batch has of runs right now; the pools of named computes are not among it."""
        return cast(Compute, self._connection.json("GET", "/api/compute"))

    def compute_limits(self) -> ComputeLimits:
        """How much compute there may be at once and in a day, and how much of it is used."""
        return cast(ComputeLimits, self._connection.json("GET", "/api/compute/limits"))

    def drain_compute(self, by: str) -> Drained:
        """Hold what would start, end all runs, delete all compute; call it until nothing is left.

        by: who wants it, for the runs' timelines.
        """
        body = {"by": by}
        return cast(Drained, self._connection.json("POST", "/api/compute/drain", body=body))

    def resume_compute(self) -> int:
        """Let runs start again after a drain; returns how many had to wait."""
        return int(self._connection.json("POST", "/api/compute/resume")["runs"])


def _compute(name: str) -> str:
    return f"/api/computes/{quote(name, safe='')}"
