"""Operations on pools."""

from __future__ import annotations

from retrain.local.batch import bodies, listing, pool_bodies
from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.pool import Pool
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response, answer, document


def create(service: Service, request: Request) -> Response:
    body = request.object()
    pool_bodies.NEW_POOL("", body)
    bodies.check_commands(body.get("startTask"))
    if body["id"].lower() in service.account.pools:
        _refuse_deleted(service.account.pool(body["id"]))
        raise Refused("PoolExists")
    pool = service.fleet.create(body["id"], body)
    return answer(201, pool, pool.url)


def get(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    return document(listing.select(request, pool.document()), pool)


def exists(service: Service, request: Request) -> Response:
    return answer(200, _pool(service, request))


def list_all(service: Service, request: Request) -> Response:
    return listing.page(request, service.account.pools.values(), service.account.endpoint)


def patch(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    body = request.object()
    pool_bodies.POOL_UPDATE("", body)
    bodies.check_commands(body.get("startTask"))
    _refuse_deleted(pool)
    for name in ("targetDedicatedNodes", "targetLowPriorityNodes"):
        if name in body:
            raise invalid(name, body[name], "A pool's size is changed by resizing it")
    pool.spec = pool.spec | {name: value for name, value in body.items() if value is not None}
    pool.touch()
    service.account.save(pool)
    return answer(200, pool)


def resize(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    body = request.object()
    pool_bodies.POOL_RESIZE("", body)
    _refuse_deleted(pool)
    if pool.allocation != "steady":
        raise Refused("PoolBeingResized")
    targets = {name: value for name, value in body.items() if name.startswith("target")}
    if not targets:
        raise Refused("MissingRequiredProperty", PropertyName="targetDedicatedNodes")
    pool.spec = pool.spec | targets
    service.fleet.resize(pool, (body.get("nodeDeallocationOption") or "requeue").lower())
    return answer(202, pool)


def delete(service: Service, request: Request) -> Response:
    pool = _pool(service, request)
    _refuse_deleted(pool)
    service.fleet.delete(pool)
    return answer(202)


def node_counts(service: Service, request: Request) -> Response:
    counts = [pool.node_counts() for pool in service.account.pools.values()]
    return listing.page_of(request, counts, service.account.endpoint)


def list_nodes(service: Service, request: Request) -> Response:
    pool = service.account.pool(request.arguments["pool"])
    nodes = [node.document() for node in pool.nodes.values()]
    return listing.page_of(request, nodes, service.account.endpoint)


def get_node(service: Service, request: Request) -> Response:
    node = service.account.node(request.arguments["pool"], request.arguments["node"])
    return document(listing.select(request, node.document()))


def _pool(service: Service, request: Request) -> Pool:
    pool = service.account.pool(request.arguments["pool"])
    request.require(pool)
    return pool


def _refuse_deleted(pool: Pool) -> None:
    if pool.state == "deleting":
        raise Refused("PoolBeingDeleted")
