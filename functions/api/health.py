"""Whether somebody is there."""

from fastapi import APIRouter

from functions.api.version import VERSION

router = APIRouter(tags=["health"])


@router.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok", "version": VERSION}
