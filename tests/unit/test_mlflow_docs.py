"""docs/mlflow.md names the routes that there are, and the variables that scripts get."""

import re
from pathlib import Path

from fastapi.routing import APIRoute

from functions.tracking import (
    artifacts,
    experiments,
    logged_models,
    logging_routes,
    metrics,
    runs,
    server,
)
from tests.factories import a_run
from tests.simulation.twins.world import Twins

PAGE = (Path(__file__).parents[2] / "docs" / "mlflow.md").read_text()
PARTS = (artifacts, experiments, logged_models, logging_routes, metrics, runs, server)


def test_each_route_is_in_the_table_and_no_other() -> None:
    served = {
        f"{method} {route.path.replace('{path:path}', '{path}')}"
        for part in PARTS
        for route in part.router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    told = re.findall(r"^\| `((?:GET|POST|PUT|PATCH|DELETE) /\S*)` \|", PAGE, re.MULTILINE)
    assert sorted(told) == sorted(served)


def test_each_variable_of_a_script_is_told_of() -> None:
    from shared.app.script_tracking import ScriptTracking
    from shared.domain.status import Status

    tokens = Twins().product().tokens
    names = ScriptTracking(tokens, "https://x").variables(a_run(Status.PROVISIONING))
    assert [name for name in names if name not in PAGE and f"`…{name[19:]}`" not in PAGE] == []
