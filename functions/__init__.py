"""Doors: each decodes what a trigger brings, hands it to a use case, and decides nothing."""

import azure.functions as func

from functions import clock, events, health, requests, tracking, uploads
from functions.api import web
from shared import wiring


def build() -> func.AsgiFunctionApp:
    """The app. A blueprint that isn't registered here would vanish without a word."""
    wiring.write_logs_as_asked()
    # HTTP functions are matched in the order of their names: `health` and `mlflow` have to come
    # before this one, whose route takes everything.
    sign_in, rate = wiring.access()
    # With tokens the host lets everybody pass, and the API asks.
    level = func.AuthLevel.ANONYMOUS if sign_in else func.AuthLevel.FUNCTION
    app = func.AsgiFunctionApp(web(sign_in, rate), level, function_name="web")
    for blueprint in (clock.bp, events.bp, health.bp, requests.bp, uploads.bp, tracking.bp):
        app.register_functions(blueprint)
    return app
