"""Blobs that were given up: what Azure puts into the queue `webjobs-blobtrigger-poison`.

There is no Queue Storage on this machine, and a queue that nobody reads is not worth a process of
its own. So the messages, the very ones, stand in a file, one a line, and GET /admin/host/poison
lists them. After a repair, POST /admin/functions/{name} with the blob's path calls the function
again.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from retrain.local.azurite import BlobCreated
from retrain.local.host.functions import Function

QUEUE: Final = "webjobs-blobtrigger-poison"


class PoisonList:
    """The messages of one app, kept in a folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / f"{QUEUE}.jsonl"

    def add(self, function: Function, event: BlobCreated, headers: Mapping[str, str]) -> None:
        """Note that `function` gave up this blob, described by `headers` (none: it can't be read).

        Source: azure-sdk-for-net, BlobTriggerMessage.
        """
        message = {
            "Type": "BlobTrigger",
            "FunctionId": f"Host.Functions.{function.name}",
            "BlobType": headers.get("x-ms-blob-type", "BlockBlob"),
            "ContainerName": event.container,
            "BlobName": event.name,
            "ETag": headers.get("etag", ""),
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(message) + "\n")

    def messages(self) -> list[Any]:
        """All of them, oldest first."""
        try:
            lines = self.file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]
