"""Registered environments and their builds as Python calls; `Client` has all of these."""

from typing import cast
from urllib.parse import quote

from retrain.client.connection import Connection
from retrain.client.records import Document, LogChunk


class EnvironmentCalls:
    """What `Client` can be asked about environments."""

    _connection: Connection

    def create_environment(self, document: Document) -> Document:
        """Register an environment; a version never changes. Returns it with its version."""
        return cast(Document, self._connection.json("POST", "/api/environments", body=document))

    def list_environments(self) -> list[Document]:
        """Each name with its versions in the order of their registration."""
        return cast(
            list[Document], self._connection.json("GET", "/api/environments")["environments"]
        )

    def get_environment(self, name: str, version: str = "", label: str = "") -> Document:
        """One version, by its number or a label; without either the latest."""
        params = {"version": version} if version else {"label": label} if label else {}
        path = f"/api/environments/{quote(name, safe='')}"
        return cast(Document, self._connection.json("GET", path, params=params))

    def archive_environment(self, name: str, version: str = "", *, back: bool = False) -> None:
        """Leave it (without a version: all of that name) out of `@latest`; back: undo that."""
        params = {"version": version} if version else {}
        what = "restore" if back else "archive"
        path = f"/api/environments/{quote(name, safe='')}/{what}"
        self._connection.api("POST", path, params=params)

    def build_environment(self, environment: Document | str, look: int = 0) -> Document:
        """Have its image built, unless it is there: a document, or a name such as `azureml:x:1`.

        look: 0 the first time, which tries a failed build again; then ask with 1 until its `state`
        is not `building`. Returns {key, state, image, reason}.
        """
        body = {"environment": environment, "look": look}
        return cast(Document, self._connection.json("POST", "/api/environments-build", body=body))

    def build_log(self, key: str, offset: int = 0) -> LogChunk:
        """What the environment's last build has said from `offset` (bytes) on."""
        path = f"/api/environments-build/{quote(key, safe='')}/log"
        answer = self._connection.api("GET", path, params={"offset": offset})
        following = int(answer.headers["Retrain-Next-Offset"])
        return LogChunk(answer.content, following, answer.headers["Retrain-Complete"] == "true")
