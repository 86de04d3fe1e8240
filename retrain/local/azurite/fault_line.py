"""The line on which Azurite asks what is to go wrong with each request (see faults.cjs)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from retrain.local.azurite.access_log import described
from retrain.local.faults import Faults, http
from retrain.local.faults.meddling import meddle

_XML: Final = (
    '<?xml version="1.0" encoding="utf-8"?>'
    "<Error><Code>{code}</Code><Message>{message}\nRequestId:{id}\nTime:{time}</Message></Error>"
)
_BUSY: Final = "The server is busy."


class FaultLine:
    """One Azurite process's. Its end, `descriptor`, is to be inherited by the process."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._ours, self._theirs = socket.socketpair()
        self._numbers = count(1)
        self._serving: asyncio.Task[None] | None = None

    @property
    def descriptor(self) -> int:
        """Valid until `serve`."""
        return self._theirs.fileno()

    def serve(self) -> None:
        """The process has inherited its end: answer it until it ends."""
        self._theirs.close()
        self._serving = asyncio.create_task(self._serve())

    async def close(self) -> None:
        """From now on everything passes."""
        if self._serving:
            self._serving.cancel()
            await asyncio.wait([self._serving])
        self._theirs.close()
        self._ours.close()

    async def _serve(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._ours)
        try:
            with contextlib.suppress(ConnectionError):
                while question := await reader.readline():
                    writer.write(json.dumps(self._verdict(json.loads(question))).encode() + b"\n")
        finally:
            writer.close()

    def _verdict(self, question: dict[str, Any]) -> dict[str, Any]:
        number = {"number": question["number"]}
        if not self._faults.armed:
            return number | {"then": "pass", "delay": 0}
        request = described(question["method"], question["url"])
        facts = {"operation": request.kind, "container": request.container, "blob": request.blob}
        meddling = meddle(self._faults, "blob", **{k: v for k, v in facts.items() if v})
        fault, verdict = meddling.fault, number | {"delay": meddling.delay}
        if fault is None:
            return verdict | {"then": "pass"}
        verdict["effect"] = getattr(fault, "effect", "before")
        if isinstance(fault, http.Throttle):
            return verdict | self._error(fault.status, fault.code, _BUSY, fault.retry_after)
        if isinstance(fault, http.Error):
            return verdict | self._error(fault.status, fault.code, fault.message)
        return verdict | {"then": "hang up", "silence": meddling.silence}

    def _error(
        self, status: int, code: str, message: str, retry_after: int | None = None
    ) -> dict[str, Any]:
        """An answer in the form of Storage's own errors."""
        id_ = f"fault-{next(self._numbers):08d}"
        body = _XML.format(code=code, message=message, id=id_, time=datetime.now(UTC).isoformat())
        headers = {
            "content-type": "application/xml",
            "x-ms-error-code": code,
            "x-ms-request-id": id_,
        }
        if retry_after is not None:
            headers["retry-after"] = str(retry_after)
        return {"then": "answer", "status": status, "headers": headers, "body": body}
