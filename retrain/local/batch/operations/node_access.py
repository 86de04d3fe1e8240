"""Operations that reach into a node from outside: users, remote login, extensions, its own logs.

A local node is a folder and some processes of whoever started the emulator: it has no users and no
way in, so what would make or need them is refused, and what asks for one that exists finds none.
"""

from __future__ import annotations

from retrain.local.batch import listing, pool_bodies
from retrain.local.batch.compute_node import ComputeNode
from retrain.local.batch.entity import moment_of
from retrain.local.batch.errors import Refused, invalid
from retrain.local.batch.node.log_uploads import Window
from retrain.local.batch.node.transfer import Refused as NotUploaded
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response, document


def create_user(service: Service, request: Request) -> Response:
    _node(service, request)
    pool_bodies.NODE_USER("", request.object())
    raise Refused("NotImplemented", Reason="Nodes on this machine have no user accounts")


def replace_user(service: Service, request: Request) -> Response:
    _node(service, request)
    pool_bodies.NODE_USER_UPDATE("", request.object())
    raise Refused("NodeUserNotFound")


def delete_user(service: Service, request: Request) -> Response:
    _node(service, request)
    raise Refused("NodeUserNotFound")


def remote_login(service: Service, request: Request) -> Response:
    _node(service, request)
    raise Refused("NotImplemented", Reason="Nodes on this machine have no remote login")


def list_extensions(service: Service, request: Request) -> Response:
    _node(service, request)
    return listing.page_of(request, [], service.account.endpoint)


def get_extension(service: Service, request: Request) -> Response:
    _node(service, request)
    raise Refused("ResourceNotFound")


async def upload_logs(service: Service, request: Request) -> Response:
    """Upload what the node said in that time, before the answer; the service takes longer."""
    node = _node(service, request)
    body = request.object()
    pool_bodies.LOG_UPLOAD("", body)
    until = body.get("endTime")
    window = Window(moment_of(body["startTime"]), moment_of(until) if until else None)
    try:
        folder, count = await service.logs.upload(body["containerUrl"], node.id, window)
    except NotUploaded as error:
        raise invalid("containerUrl", "", str(error)) from error
    return document({"virtualDirectoryName": folder, "numberOfFilesUploaded": count})


def _node(service: Service, request: Request) -> ComputeNode:
    return service.account.node(request.arguments["pool"], request.arguments["node"])
