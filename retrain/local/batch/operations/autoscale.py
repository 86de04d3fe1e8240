"""Operations on a pool's automatic scaling."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from retrain.local.batch import pool_bodies
from retrain.local.batch.autoscale import parse
from retrain.local.batch.errors import Refused
from retrain.local.batch.pool import Pool
from retrain.local.batch.service import Service
from retrain.local.batch.wire import Request, Response, answer, document

_BETWEEN_REQUESTS: Final = timedelta(seconds=30)
_OWN: Final = ("enableAutoScale", "autoScaleFormula", "autoScaleEvaluationInterval")


def enable(service: Service, request: Request) -> Response:
    """Give a pool its formula, or another one, or another interval."""
    pool = _pool(service, request)
    body = request.object()
    pool_bodies.AUTOSCALE_ENABLE("", body)
    changes = {name: value for name, value in body.items() if value is not None}
    pool.demand_active()
    if not pool.scales:
        pool.demand_steady()
    if "autoScaleFormula" not in changes and not (pool.scales and changes):
        raise Refused("MissingRequiredProperty", PropertyName="autoScaleFormula")
    since = service.fleet.autoscaling.since_enabled(pool)
    if since is not None and pool.rescaled and since < _BETWEEN_REQUESTS:
        raise Refused("TooManyEnableAutoScaleRequests")
    pool.spec = pool.spec | changes | {"enableAutoScale": True}
    pool.rescaled = True
    pool.touch()
    service.fleet.autoscaling.begin(pool)
    return answer(200, pool)


def disable(service: Service, request: Request) -> Response:
    """The pool keeps the size it has."""
    pool = _pool(service, request)
    pool.demand_active()
    _demand_scaling(pool)
    pool.spec = {name: value for name, value in pool.spec.items() if name not in _OWN}
    pool.scaled = None
    pool.touch()
    service.account.save(pool)
    service.fleet.autoscaling.end(pool)
    return answer(200, pool)


def evaluate(service: Service, request: Request) -> Response:
    """What a formula would come to now; an error in it is an answer, too."""
    pool = _pool(service, request)
    body = request.object()
    pool_bodies.AUTOSCALE_EVALUATE("", body)
    pool.demand_active()
    _demand_scaling(pool)
    formula = parse(body["autoScaleFormula"])
    return document(service.fleet.autoscaling.try_out(pool, formula))


def _pool(service: Service, request: Request) -> Pool:
    pool = service.account.pool(request.arguments["pool"])
    request.require(pool)
    return pool


def _demand_scaling(pool: Pool) -> None:
    if not pool.scales:
        reason = "Automatic scaling is not enabled on the pool"
        raise Refused("OperationInvalidForCurrentState", Reason=reason)
