"""Whether somebody is there, and lets runs start: the one thing that needs no key."""

import json

import azure.functions as func

from functions.api.version import VERSION
from shared.domain.errors import RetrainError
from shared.wiring import product

bp = func.Blueprint()


# The name sorts before `web`, whose route takes everything that reaches it.
@bp.function_name("health")
@bp.route("api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    body = json.dumps({"status": "ok", "version": VERSION, "compute": _compute()})
    return func.HttpResponse(body, mimetype="application/json")


def _compute() -> str:
    """open, held (`retrain compute resume` ends that), or unknown: Blob Storage doesn't say."""
    try:
        return "held" if product().book.held() else "open"
    except RetrainError:
        return "unknown"
