"""Messages between nodes. The second part of the launcher."""

from __future__ import annotations

import json
import socket
import sys

from shared.node.processes import ANY_INTERFACE, Message

LOST, LATE, NO_MPI = 70, 71, 78  # exit codes of our own, from sysexits' range


def say(code: int, text: str) -> int:
    sys.stderr.write("retrain: " + text + "\n")
    sys.stderr.flush()
    return code


def listener(ports: list[int]) -> socket.socket:
    """On the first of these ports that nobody has: many nodes can be one machine."""
    for port in ports:
        door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((ANY_INTERFACE, port))
            door.listen(1000)
            return door
        except OSError:
            door.close()
    raise SystemExit(say(LATE, f"none of the ports {ports} is free"))


class Link:
    """Messages to and from another node: a line of JSON each."""

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(None)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self.connection = connection
        self.reader = connection.makefile("rb")
        self.hello: Message = {}

    def send(self, message: Message) -> None:
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def receive(self) -> Message | None:
        """None when the other end is gone, or says what is no message."""
        try:
            message = json.loads(self.reader.readline())
        except (OSError, ValueError):
            return None
        return message if isinstance(message, dict) else None

    def close(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.connection.close()


def greeted(master: str, port: int, hello: Message) -> Link | None:
    """The link, if it is our first node that listens there and not another job's."""
    try:
        connection = socket.create_connection((master, port), timeout=5)
    except OSError:
        return None
    link = Link(connection)
    connection.settimeout(5)
    try:
        link.send(hello)
        answer = link.receive() or {}
    except OSError:
        answer = {}
    if answer.get("token") != hello["token"]:
        link.close()
        return None
    connection.settimeout(None)
    return link
