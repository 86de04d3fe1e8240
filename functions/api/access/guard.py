"""Before a request is answered: who asks, whether they may, how often. Afterwards: the record."""

import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from functions.api.access.callers import BadToken, Caller
from functions.api.access.rates import Rates
from functions.api.access.roles import Role, changes, needed
from functions.api.problems import answer, told
from shared.domain.errors import Transient

if TYPE_CHECKING:
    from functions.api.access.tokens import Tokens

audit = logging.getLogger("retrain.audit")

#: Whoever has a function key; the host does not tell which.
KEY = Caller("function key", Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Guard:
    """tokens: None when the host asks for function keys."""

    tokens: "Tokens | None"
    rates: Rates

    async def admit(self, request: Request) -> Response | None:
        """None for whom may go on; else what they are told instead of an answer."""
        caller = await self._caller(request)
        if isinstance(caller, Response):
            return caller
        request.state.caller = caller.name
        wait = self.rates.wait(caller.name, time.monotonic())
        if wait:
            remedy = f"Wait {math.ceil(wait)} s; RETRAIN_RATE is {self.rates.a_minute} a minute."
            said = told(429, "TooManyRequests", f"{caller.name} asks too often.", remedy)
            said.headers["Retry-After"] = str(math.ceil(wait))
            return said
        least = needed(request.method, request.url.path)
        if caller.role < least:
            return _forbidden(request, caller, least)
        return None

    def record(self, request: Request, status: int) -> None:
        """One line for each change, granted or not: who, what; the log adds when."""
        if changes(request.method):
            caller = getattr(request.state, "caller", "nobody")
            audit.info(
                "audit: %s %s %s: %d", caller, request.method, request.url.path, status,
                extra={"caller": caller, "method": request.method, "path": request.url.path,
                       "status": status},
            )  # fmt: skip

    async def _caller(self, request: Request) -> Caller | Response:
        if self.tokens is None:
            return KEY
        header = request.headers.get("authorization", "")
        try:
            return await run_in_threadpool(self.tokens.caller, header)
        except BadToken as error:
            said = told(401, error.code, error.message, error.remedy)
            said.headers["WWW-Authenticate"] = "Bearer"
            return said
        except Transient as error:
            return answer(error)


def _forbidden(request: Request, caller: Caller, least: Role) -> Response:
    has = f"has {caller.role.claim}" if caller.role else "has no role here"
    return told(
        403,
        "Forbidden",
        f"{request.method} {request.url.path} asks for {least.claim}, and {caller.name} {has}.",
        f"Ask whoever owns the application in Entra ID for the app role {least.claim}.",
    )
