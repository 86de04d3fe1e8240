"""Operations on nodes: their list, and the ways they can be sent on."""

from __future__ import annotations

from typing import Final

from retrain.local.batch import listing, pool_bodies
from retrain.local.batch.compute_node import WORKING, ComputeNode
from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response, answer, document

#: States in which a node can be rebooted, reimaged or deallocated; the stuck ones too.
_SENDABLE: Final = (*WORKING, "waitingforstarttask", "starttaskfailed", "unusable")

#: What the service says of nodes that are on their way.
_BUSY: Final = {
    "creating": "NodeBeingCreated",
    "starting": "NodeBeingStarted",
    "rebooting": "NodeBeingRebooted",
    "reimaging": "NodeBeingReimaged",
}
_REMOVED_AT_ONCE: Final = 100


def list_all(service: Service, request: Request) -> Response:
    pool = service.account.pool(request.arguments["pool"])
    nodes = [node.document() for node in pool.nodes.values()]
    return listing.page_of(request, nodes, service.account.endpoint)


def get(service: Service, request: Request) -> Response:
    return document(listing.select(request, _node(service, request).document()))


def reboot(service: Service, request: Request) -> Response:
    node, option = _sent(service, request, "nodeRebootOption")
    service.fleet.life.reboot(node, option)
    return answer(202)


def reimage(service: Service, request: Request) -> Response:
    node, option = _sent(service, request, "nodeReimageOption")
    service.fleet.life.reimage(node, option)
    return answer(202)


def deallocate(service: Service, request: Request) -> Response:
    node, option = _sent(service, request, "nodeDeallocateOption")
    service.fleet.life.deallocate(node, option)
    return answer(202)


def start(service: Service, request: Request) -> Response:
    node = _node(service, request)
    if node.state != "deallocated":
        raise Refused(_BUSY.get(node.state, "OperationInvalidForCurrentState"))
    service.fleet.life.start(node)
    return answer(202)


def disable_scheduling(service: Service, request: Request) -> Response:
    node = _node(service, request)
    body = request.optional_object()
    pool_bodies.NODE_DISABLE("", body)
    option = (body.get("nodeDisableSchedulingOption") or "requeue").lower()
    _demand_scheduling(node, "enabled")
    service.fleet.life.disable(node, option)
    return answer(200)


def enable_scheduling(service: Service, request: Request) -> Response:
    node = _node(service, request)
    _demand_scheduling(node, "disabled")
    service.fleet.life.enable(node)
    return answer(200)


def remove(service: Service, request: Request) -> Response:
    """Take these nodes out of the pool, and lower its targets by as many."""
    pool = service.account.pool(request.arguments["pool"])
    request.require(pool)
    body = request.object()
    pool_bodies.NODE_REMOVE("", body)
    pool.demand_steady()
    pool.demand_fixed()
    ids = list(dict.fromkeys(body["nodeList"]))
    if not 1 <= len(ids) <= _REMOVED_AT_ONCE:
        raise invalid("nodeList", len(ids), f"1 to {_REMOVED_AT_ONCE} nodes can be removed at once")
    nodes = [service.account.node(pool.id, node_id) for node_id in ids]
    for dedicated in (True, False):
        gone = sum(node.dedicated == dedicated for node in nodes)
        pool.aim(pool.target(dedicated=dedicated) - gone, dedicated=dedicated)
    option = (body.get("nodeDeallocationOption") or "requeue").lower()
    service.fleet.resize(pool, option, timeout=body.get("resizeTimeout"), removed=nodes)
    return answer(202, pool)


def _node(service: Service, request: Request) -> ComputeNode:
    return service.account.node(request.arguments["pool"], request.arguments["node"])


def _sent(service: Service, request: Request, name: str) -> tuple[ComputeNode, str]:
    """The node and what becomes of its tasks. Raises Refused when it can't be sent anywhere."""
    node = _node(service, request)
    body = request.optional_object()
    pool_bodies.node_option(name)("", body)
    if node.state not in _SENDABLE:
        raise Refused(_BUSY.get(node.state, "OperationInvalidForCurrentState"))
    return node, (body.get(name) or "requeue").lower()


def _demand_scheduling(node: ComputeNode, scheduling: str) -> None:
    if node.scheduling != scheduling:
        raise Refused("NodeAlreadyInTargetSchedulingState")
    if node.state == "unusable":
        raise Refused("NodeStateUnusable")
