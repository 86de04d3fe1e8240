"""MLflow's door: anonymous at the host, since its client can't send the function's key.

What is behind it asks for a token of its own. It is another app than the API, so that no odd path
can lead from here to what the key guards.
"""

from functools import cache

import azure.functions as func

bp = func.Blueprint()


@cache
def _middleware() -> func.AsgiMiddleware:
    # The worker waits for the app's import; these routes can wait for their first request.
    from functions.tracking.web import web

    return func.AsgiMiddleware(web())


# The name sorts before `web`, whose route takes everything that reaches it.
@bp.function_name("mlflow")
@bp.route(
    "api/mlflow/{*rest}",
    methods=[*func.HttpMethod],
    auth_level=func.AuthLevel.ANONYMOUS,
)
async def mlflow(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    answer: func.HttpResponse = await _middleware().handle_async(req, context)
    return answer
