"""What an https request to the emulator asks: who may, of which entity, and the answer."""

import logging
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from retrain.local.servicebus.admin import atom
from retrain.local.servicebus.admin.http import Refusal, Request, Response
from retrain.local.servicebus.admin.operations import Call, perform
from retrain.local.servicebus.admin.places import place_of
from retrain.local.servicebus.engine.namespace import Namespace
from retrain.local.servicebus.errors import BadRequest, ServiceBusError, Unauthorized
from retrain.local.servicebus.sas import Keys, Right
from retrain.local.servicebus.wire.suffering import Cut, suffer

log = logging.getLogger(__name__)


class Unreadable(BadRequest):
    """A request that HTTP itself refuses, with its status."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal))
        self.status = refusal.status


class NoSuchPlace(ServiceBusError):
    status = 404


class NoSuchMethod(ServiceBusError):
    status = 405


class NotWritten(ServiceBusError):
    status = 500


@dataclass(frozen=True, slots=True)
class _Line:
    """A request has no line of its own to hold; cutting it is left to its answer."""

    namespace: Namespace

    def hold(self, seconds: float) -> None:
        """Nothing: it is answered at once."""

    def abort(self) -> None:
        """Nothing: see Response.cut."""


class Administration:
    """keys: None when any token is taken. commit: writes to disk what an answer tells of."""

    def __init__(
        self,
        namespace: Namespace,
        commit: Callable[[], None],
        keys: Keys | None,
        now: Callable[[], float],
    ) -> None:
        self._namespace = namespace
        self._commit = commit
        self._keys = keys
        self._now = now

    def answer(self, request: Request) -> Response:
        """Perform the request. Raises nothing."""
        path = request.target.partition("?")[0]
        host = request.headers.get("host", "localhost")
        try:
            self._authorize(request, path)
            response = self._perform_or_suffer(request, path, host)
            self._commit()
            return response
        except ServiceBusError as error:
            return self._refusal(error, f"{host}:{unquote(path).strip('/')}")
        except sqlite3.Error:
            log.exception("the change can't be written to disk")
            return self._refusal(NotWritten("The change can't be written to disk."), host)

    def refused(self, refusal: Refusal) -> Response:
        answer = self._refusal(Unreadable(refusal), "localhost")
        return Response(answer.status, answer.body, answer.content_type, last=True)

    def _refusal(self, error: ServiceBusError, place: str) -> Response:
        return atom.refusal(error, place, str(uuid.uuid4()), self._now())

    def _perform_or_suffer(self, request: Request, path: str, host: str) -> Response:
        if not self._namespace.faults.armed:
            return self._perform(request, path, host)
        line = _Line(self._namespace)
        entity = unquote(path).strip("/")
        try:
            return suffer(line, "administer", entity, lambda: self._perform(request, path, host))
        except Cut:
            return Response(0, cut=True)

    def _perform(self, request: Request, path: str, host: str) -> Response:
        place = place_of(path)
        if place is None:
            raise NoSuchPlace("No service is hosted at the specified address.")
        call = Call(self._namespace, request, place, host, self._now())
        response = perform(call)
        if response is None:
            raise NoSuchMethod(f"The method '{request.method}' is not allowed here.")
        return response

    def _authorize(self, request: Request, path: str) -> None:
        """Raises Unauthorized."""
        if self._keys is None:
            return
        token = request.headers.get("authorization")
        if not token:
            raise Unauthorized("MissingToken: The authorization header was not found.")
        place = unquote(path).strip("/").lower()
        if Right.MANAGE not in self._keys.verify(token, place, self._now()).rights:
            raise Unauthorized(
                "Unauthorized access. 'Manage' claim(s) are required to perform this operation. "
                f"Resource: '{place}'."
            )
