"""Operations on the account as a whole: images, applications, what its pools used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from retrain.local.batch import images, listing
from retrain.local.batch.entity import stamp
from retrain.local.batch.errors import Refused
from retrain.local.batch.service import Service
from retrain.local.batch.usage import INTERVAL, beginning
from retrain.local.batch.wire import Request, Response


def supported_images(service: Service, request: Request) -> Response:
    return listing.page_of(request, images.supported(), service.account.endpoint)


def list_applications(service: Service, request: Request) -> Response:
    """None: packages can't be uploaded to an account that has no storage account of its own."""
    return listing.page_of(request, [], service.account.endpoint)


def get_application(service: Service, request: Request) -> Response:
    raise Refused("ApplicationNotFound")


def node_counts(service: Service, request: Request) -> Response:
    counts = [pool.node_counts() for pool in service.account.pools.values()]
    return listing.page_of(request, counts, service.account.endpoint)


def usage_metrics(service: Service, request: Request) -> Response:
    """By pool and half hour, up to now; the service tells them two hours late."""
    now = datetime.now(UTC)
    since = _moment(request, "startTime") or beginning(now)
    until = _moment(request, "endtime") or now + timedelta(microseconds=1)
    if since >= until:
        raise Refused(
            "InvalidQueryParameterValue",
            QueryParameterName="startTime",
            QueryParameterValue=request.query.get("startTime", ""),
            Reason="startTime has to be before endTime",
        )
    nodes = [node for pool in service.account.pools.values() for node in pool.nodes.values()]
    metrics: list[dict[str, Any]] = [
        {
            "poolId": bucket.pool_id,
            "startTime": stamp(bucket.start),
            "endTime": stamp(bucket.start + INTERVAL),
            "vmSize": bucket.vm_size,
            "totalCoreHours": hours,
        }
        for bucket, hours in service.account.usage.core_hours(nodes, since, until).items()
    ]
    return listing.page_of(request, metrics, service.account.endpoint)


def _moment(request: Request, name: str) -> datetime | None:
    text = request.query.get(name)
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refused(
            "InvalidQueryParameterValue",
            QueryParameterName=name,
            QueryParameterValue=text,
            Reason=str(error),
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)
