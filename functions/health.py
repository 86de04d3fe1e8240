"""Whether somebody is there: the one thing that needs no key."""

import json

import azure.functions as func

from functions.api.version import VERSION

bp = func.Blueprint()


# The name sorts before `web`, whose route takes everything that reaches it.
@bp.function_name("health")
@bp.route("api/health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
def health(req: func.HttpRequest) -> func.HttpResponse:
    body = json.dumps({"status": "ok", "version": VERSION})
    return func.HttpResponse(body, mimetype="application/json")
