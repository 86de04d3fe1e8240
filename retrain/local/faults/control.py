"""The control endpoint: JSON over HTTP on loopback, for whoever breaks things on purpose.

    GET    /faults            the plan, each rule with its counts, the last strikes, the actions
    PUT    /faults            another plan in place of this one; counts begin anew
    POST   /faults            one rule more, behind the others: 201 and its name
    DELETE /faults[/{name}]   all rules, or one: 204
    POST   /{service}/{verb}  at once, without a rule: /batch/preempt, /servicebus/lose-locks, …

What is wrong with a body is said by field, with 400. There is no key: host names other than
loopback's are refused, and so is a body that a page in a browser could send without asking.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retrain.local.faults.action import Action
from retrain.local.faults.live import Faults, NameTaken, UnknownRule
from retrain.local.faults.plan import parse_plan, parse_rule
from shared.jobs import InvalidDocument, Problem, field_name

_BODY_BYTES: Final = 1024 * 1024


class _Refusal(Exception):
    def __init__(self, status: int, *problems: Problem) -> None:
        super().__init__(*problems)
        self.status = status
        self.problems = problems


def application(faults: Faults, actions: Mapping[str, Action]) -> Starlette:
    """actions: by "service/verb"."""
    control = _Control(faults, actions)
    return Starlette(
        routes=[
            Route("/faults", control.show, methods=["GET"]),
            Route("/faults", control.replace, methods=["PUT"]),
            Route("/faults", control.add, methods=["POST"]),
            Route("/faults", control.clear, methods=["DELETE"]),
            Route("/faults/{name}", control.remove, methods=["DELETE"]),
            Route("/{action:path}", control.act, methods=["POST"]),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost", "[::1]"])
        ],
        exception_handlers={_Refusal: _refused, InvalidDocument: _invalid},
    )


class _Control:
    def __init__(self, faults: Faults, actions: Mapping[str, Action]) -> None:
        self._faults = faults
        self._actions = actions

    async def show(self, request: Request) -> Response:
        return JSONResponse(self._document())

    async def replace(self, request: Request) -> Response:
        self._faults.replace(parse_plan(await _body(request)))
        return JSONResponse(self._document())

    async def add(self, request: Request) -> Response:
        try:
            name = self._faults.add(parse_rule(await _body(request)))
        except NameTaken as taken:
            problem = Problem(("name",), f"'{taken}' is taken", "give another, or none")
            raise _Refusal(409, problem) from None
        return JSONResponse({"name": name}, 201)

    async def clear(self, request: Request) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def remove(self, request: Request) -> Response:
        name = request.path_params["name"]
        try:
            self._faults.remove(name)
        except UnknownRule:
            raise _Refusal(404, Problem((), f"there is no rule '{name}'")) from None
        return Response(status_code=204)

    async def act(self, request: Request) -> Response:
        name = request.path_params["action"]
        action = self._actions.get(name)
        if action is None:
            known = ", ".join(sorted(self._actions)) or "none"
            raise _Refusal(404, Problem((), f"there is no action '{name}'", f"known: {known}"))
        body = await _body(request)
        if not isinstance(body, Mapping):
            raise _Refusal(400, Problem((), "must be a JSON object"))
        return JSONResponse(action(body))

    def _document(self) -> dict[str, Any]:
        faults = self._faults
        return {
            "seed": faults.plan.seed,
            "rules": [tally.document() for tally in faults.tallies],
            "last": [strike.document() for strike in faults.last],
            "actions": sorted(self._actions),
        }


async def _body(request: Request) -> Any:
    """Raises _Refusal unless it is JSON and says so, which makes a browser ask before it sends."""
    if not request.headers.get("content-type", "").startswith("application/json"):
        raise _Refusal(415, Problem((), "Content-Type must be application/json"))
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_BYTES:
            raise _Refusal(413, Problem((), f"the body is larger than {_BODY_BYTES:,} bytes"))
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Refusal(400, Problem((), f"the body is no JSON: {error}")) from None


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, _Refusal)
    return _answer(error.status, error.problems)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidDocument)
    return _answer(400, error.problems)


def _answer(status: int, problems: tuple[Problem, ...]) -> Response:
    told = [
        {"field": field_name(each.field), "message": each.message, "remedy": each.remedy}
        for each in problems
    ]
    return JSONResponse({"problems": told}, status)
