"""The part of the API in memory that switches, previews and triggers schedules."""

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import JSONResponse

if TYPE_CHECKING:
    from tests.unit.cli.api_server import ApiServer

Document = dict[str, Any]


def switch_routes(app: FastAPI, server: "ApiServer") -> None:
    @app.get("/api/schedules/{name}/preview")
    def preview(name: str, count: int) -> Document:
        tick = {"at": "2026-12-01T02:00:00.000Z", "local": "2026-12-01T03:00:00+01:00"}
        return {"ticks": [tick] * count}

    @app.post("/api/schedules/{name}/trigger")
    def trigger(name: str, body: Document) -> Document:
        return server.add_run("by-hand", "NotStarted", display_name=body["path"])

    @app.post("/api/schedules/{name}/{word}")
    def switch(name: str, word: str) -> Any:
        if name not in server.schedules:
            missing = {"code": "ScheduleNotFound", "message": f"There is no schedule {name}."}
            return JSONResponse({"error": {**missing, "remedy": "", "details": []}}, 404)
        server.schedules[name]["is_enabled"] = word == "enable"
        return server.schedules[name]
