"""Operations on pools."""

from __future__ import annotations

from typing import Any

from retrain.local.batch import bodies, listing, pool_bodies
from retrain.local.batch.errors import Refused
from retrain.local.batch.pool import Pool
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response, answer, document


def create(service: Service, request: Request) -> Response:
    body = request.object()
    pool_bodies.NEW_POOL("", body)
    bodies.check_commands(body.get("startTask"))
    if body["id"].lower() in service.account.pools:
        service.account.pool(body["id"]).demand_active()
        raise Refused("PoolExists")
    pool = service.fleet.create(body["id"], body)
    return answer(201, pool, pool.url)


def get(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    return document(listing.view(request, pool), pool)


def exists(service: Service, request: Request) -> Response:
    return answer(200, _pool(service, request))


def list_all(service: Service, request: Request) -> Response:
    return listing.page(request, service.account.pools, service.account.endpoint)


def patch(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    body = request.object()
    pool_bodies.POOL_UPDATE("", body)
    bodies.check_commands(body.get("startTask"))
    pool.demand_active()
    changes = {name: value for name, value in body.items() if value is not None}
    fixed = sorted(changes.keys() - pool_bodies.POOL_ALWAYS)
    if fixed and pool.nodes:
        reason = f"{fixed[0]} can be updated only when the pool is empty"
        raise Refused("OperationInvalidForCurrentState", Reason=reason)
    return _change(service, pool, pool.spec | changes)


def replace_properties(service: Service, request: Request) -> Response:
    """A start task that is not named is removed."""
    pool = _pool(service, request)
    body = request.object()
    pool_bodies.POOL_REPLACE("", body)
    bodies.check_commands(body.get("startTask"))
    pool.demand_active()
    kept = {n: value for n, value in pool.spec.items() if n not in pool_bodies.POOL_ALWAYS}
    changes = {name: value for name, value in body.items() if value is not None}
    response = _change(service, pool, kept | changes)
    return Response(204, b"", response.headers)


def _change(service: Service, pool: Pool, spec: dict[str, Any]) -> Response:
    pool.spec = spec
    pool.touch()
    service.account.save(pool)
    return answer(200, pool)


def resize(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    body = request.object()
    pool_bodies.POOL_RESIZE("", body)
    pool.demand_steady()
    pool.demand_fixed()
    targets = {n: v for n, v in body.items() if n.startswith("target") and v is not None}
    if not targets:
        raise Refused("MissingRequiredProperty", PropertyName="targetDedicatedNodes")
    pool.spec = pool.spec | targets
    option = (body.get("nodeDeallocationOption") or "requeue").lower()
    service.fleet.resize(pool, option, timeout=body.get("resizeTimeout"))
    return answer(202, pool)


def stop_resize(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    pool.demand_active()
    if pool.allocation != "resizing":
        raise Refused("OperationInvalidForCurrentState", Reason="The pool is not being resized")
    service.fleet.resizes.stop(pool)
    return answer(202, pool)


def delete(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    pool.demand_active()
    service.fleet.delete(pool)
    return answer(202)


def _pool(service: Service, request: Request) -> Pool:
    pool = service.account.pool(request.arguments["pool"])
    request.require(pool)
    return pool
