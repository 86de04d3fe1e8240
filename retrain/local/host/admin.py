"""The host's own paths, under /admin and behind the master key, as in Azure.

GET  /admin/host/status         that it runs
GET  /admin/functions           the functions' names and triggers
POST /admin/functions/{name}    fire a timer out of turn; answers 202 at once
"""

import asyncio
import json
from collections.abc import Mapping, Sequence

from retrain.local.host.functions import Function
from retrain.local.host.timer_trigger import Timer

_FUNCTIONS = "/admin/functions"


class Admin:
    """Answers what is asked under /admin by somebody who holds the master key."""

    def __init__(self, functions: Sequence[Function], timers: Mapping[str, Timer]) -> None:
        self._functions = functions
        self._timers = {name.casefold(): timer for name, timer in timers.items()}
        self._fired: set[asyncio.Task[bool]] = set()

    def answer(self, method: str, path: str) -> tuple[int, bytes]:
        """The status and the JSON body for a path that starts with /admin."""
        path = path.rstrip("/").casefold()
        if method == "GET" and path == "/admin/host/status":
            return 200, json.dumps({"state": "Running"}).encode()
        if method == "GET" and path == _FUNCTIONS:
            found = [{"name": one.name, "trigger": one.trigger.type} for one in self._functions]
            return 200, json.dumps(found).encode()
        if method == "POST" and path.startswith(f"{_FUNCTIONS}/"):
            return self._fire(path.removeprefix(f"{_FUNCTIONS}/")), b""
        return 404, b""

    def _fire(self, name: str) -> int:
        timer = self._timers.get(name)
        if timer is None:
            return 404
        task = asyncio.create_task(timer.run_now())
        self._fired.add(task)
        task.add_done_callback(self._fired.discard)
        return 202
