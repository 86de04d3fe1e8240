"""Starts a job's processes on this node, and is the job as far as Batch can see.

    first node   waits for the others, numbers them, starts its own processes
    other nodes  tell the first their ports, start what it says, send it logs and exit codes

The first process anywhere that fails ends them all, and its exit code is the job's. A node that
falls silent does the same. Each process's output is kept on the first node, whose files are kept.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import shutil
import signal
import sys
import threading
import time

from shared.node.links import LATE, LOST, NO_MPI, Link, greeted, listener, say
from shared.node.processes import (
    LOGS,
    Message,
    Processes,
    free_ports,
    log_of,
    mpirun,
    variables,
)

PATIENCE = 600.0  # seconds for all nodes to be there
TAIL = 4000  # bytes of a failed process's log that are told on stderr


def main() -> int:
    plan = json.loads(os.environ["RETRAIN_DISTRIBUTION"])
    os.makedirs(LOGS, exist_ok=True)
    nodes = len(plan["counts"])
    if plan["type"] == "mpi" and shutil.which("mpirun"):
        if nodes > 1:
            return say(NO_MPI, "mpirun on several nodes is not supported; use type pytorch, "
                       "or instance_count 1")  # fmt: skip
        return First(plan).run(mpirun(plan["counts"][0]))
    if nodes == 1 or os.environ.get("AZ_BATCH_IS_CURRENT_NODE_MASTER") == "true":
        return First(plan).run()
    return Other(plan).run()


class First:
    """The first node."""

    def __init__(self, plan: Message) -> None:
        self.plan = plan
        self.told: queue.Queue[Message] = queue.Queue()
        self.processes = Processes(self.told)
        self.links: list[Link] = []

    def run(self, argv: list[str] | None = None) -> int:
        """argv: one program that starts all the processes by itself, for mpirun."""
        signal.signal(signal.SIGTERM, lambda *_: self.told.put({"exit": 143, "rank": -1}))
        host = os.environ.get("AZ_BATCH_MASTER_NODE", "").partition(":")[0] or "127.0.0.1"
        me = {"host": host, "ports": free_ports(self.plan["counts"][0] + 1)}
        if not self._gather():
            missing = len(self.plan["counts"]) - 1 - len(self.links)
            return say(LATE, f"{missing} nodes did not come within {PATIENCE:.0f} s")
        members = [me, *(link.hello for link in self.links)]
        for number, link in enumerate(self.links, 1):
            link.send({"node": number, "members": members})
            threading.Thread(target=self._listen, args=(number, link), daemon=True).start()
        if argv:
            self.processes.start(0, argv, {})
            return self._see_through(1)
        for local in range(self.plan["counts"][0]):
            command = ["/bin/sh", "-c", os.environ["RETRAIN_COMMAND"]]
            self.processes.start(local, command, variables(self.plan, 0, members, local))
        return self._see_through(sum(self.plan["counts"]))

    def _gather(self) -> bool:
        """The links to the other nodes, in the order of their ids. False when some are missing."""
        wanted = len(self.plan["counts"]) - 1
        if not wanted:
            return True
        until = time.monotonic() + PATIENCE
        with listener(self.plan["ports"]) as door:
            while len(self.links) < wanted and time.monotonic() < until:
                door.settimeout(max(0.1, until - time.monotonic()))
                try:
                    connection, (host, *_) = door.accept()
                except OSError:
                    break
                link = Link(connection)
                connection.settimeout(5)
                hello = link.receive() or {}
                connection.settimeout(None)
                if hello.get("token") == self.plan["token"]:
                    link.hello = dict(hello, host=host)
                    link.send({"token": self.plan["token"]})
                    self.links.append(link)
        self.links.sort(key=lambda link: str(link.hello["id"]))
        return len(self.links) == wanted

    def _listen(self, number: int, link: Link) -> None:
        while True:
            message = link.receive()
            if message is None:
                self.told.put({"gone": number})
                return
            if "log" in message:
                message["log"] = base64.b64decode(message["log"])
            self.told.put(message)

    def _see_through(self, running: int) -> int:
        """Until all have ended well, or one has not; returns the job's exit code."""
        over = set()
        while running:
            message = self.told.get()
            if "log" in message:
                self._keep(message)
            elif "gone" in message:
                if message["gone"] not in over:
                    return self._end(LOST, f"node {message['gone']} is gone")
            elif "over" in message:
                over.add(message["over"])
            elif message["exit"]:
                return self._failed(message["rank"], message["exit"])
            else:
                running -= 1
        return self._end(0, "")

    def _failed(self, rank: int, code: int) -> int:
        if rank < 0:
            return self._end(code, "stopped by a signal")
        path = log_of(rank)
        if rank:
            try:
                with open(path, "rb") as file:
                    file.seek(max(0, os.path.getsize(path) - TAIL))
                    sys.stderr.write(file.read().decode(errors="replace"))
            except OSError:
                pass
        return self._end(code, f"process {rank} ended with exit code {code}; see {path}")

    def _end(self, code: int, text: str) -> int:
        for link in self.links:
            link.close()
        self.processes.stop()
        return say(code, text) if text else code

    def _keep(self, message: Message) -> None:
        rank, piece = message["rank"], message["log"]
        if rank == 0:
            stream = sys.stdout if message["stream"] == "out" else sys.stderr
            stream.buffer.write(piece)
            stream.buffer.flush()
        with open(log_of(rank), "ab") as file:
            file.write(piece)


class Other:
    """Any node but the first."""

    def __init__(self, plan: Message) -> None:
        self.plan = plan
        self.told: queue.Queue[Message] = queue.Queue()
        self.processes = Processes(self.told)

    def run(self) -> int:
        link = self._join()
        if link is None:
            return say(LATE, f"the first node was not there within {PATIENCE:.0f} s")
        orders = link.receive()
        if orders is None:
            return LOST
        node = orders["node"]
        before, count = sum(self.plan["counts"][:node]), self.plan["counts"][node]
        for local in range(count):
            told = variables(self.plan, node, orders["members"], local)
            command = ["/bin/sh", "-c", os.environ["RETRAIN_COMMAND"]]
            self.processes.start(before + local, command, told)
        threading.Thread(target=self._watch, args=(link,), daemon=True).start()
        self._report(link, node, count)
        return 0

    def _report(self, link: Link, node: int, running: int) -> None:
        try:
            while running:
                message = self.told.get()
                if "log" in message:
                    message["log"] = base64.b64encode(message["log"]).decode()
                if "exit" in message:
                    running -= 1
                if "stop" in message:
                    return
                link.send(message)
            link.send({"over": node})
            while "stop" not in self.told.get():
                pass
        except OSError:
            pass
        finally:
            self.processes.stop()

    def _watch(self, link: Link) -> None:
        """The first node closes the link when the job is over."""
        if link.receive() is None:
            self.told.put({"stop": True})

    def _join(self) -> Link | None:
        master = os.environ["AZ_BATCH_MASTER_NODE"].partition(":")[0]
        hello = {"token": self.plan["token"], "id": os.environ.get("AZ_BATCH_NODE_ID", "")}
        hello["ports"] = free_ports(max(self.plan["counts"]) + 1)
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for port in self.plan["ports"]:
                link = greeted(master, port, hello)
                if link is not None:
                    return link
            time.sleep(0.1)
        return None


if __name__ == "__main__":
    sys.exit(main())
