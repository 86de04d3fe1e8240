"""Models as MLflow 3 logs them. Retrain keeps models as assets, and here none at all."""

from typing import Any

from fastapi import APIRouter, Request

from functions.tracking.bearers import bearer

router = APIRouter(prefix="/api/2.0/mlflow/logged-models")


@router.post("/search")
def search(request: Request) -> dict[str, Any]:
    """There are none. The client asks for them whenever it lists a folder of artifacts."""
    bearer(request)
    return {"models": []}
