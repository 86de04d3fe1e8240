"""Whether somebody is there, and lets runs start: the one thing that needs no key."""

import json
from typing import Any

import azure.functions as func

from functions.api.version import VERSION
from functions.api.views import time
from shared.domain.errors import RetrainError
from shared.wiring import product

bp = func.Blueprint()


# The name sorts before `web`, whose route takes everything that reaches it.
@bp.function_name("health")
@bp.route("api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    told = {"status": "ok", "version": VERSION, "compute": _compute(), **_dead_letters()}
    return func.HttpResponse(json.dumps(told), mimetype="application/json")


def _compute() -> str:
    """open, held (`retrain compute resume` ends that), or unknown: Blob Storage doesn't say."""
    try:
        return "held" if product().book.held() else "open"
    except RetrainError:
        return "unknown"


def _dead_letters() -> dict[str, Any]:
    """As the watch counted them last; null when it did not, or storage is away."""
    try:
        counted = product().dead_letters.counted()
    except RetrainError:
        counted = None
    return {
        "dead_letters": counted and counted.count,
        "dead_letters_counted_at": counted and time(counted.at),
    }
