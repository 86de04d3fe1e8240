"""The computes of the API that the command line's tests talk to."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

Document = dict[str, Any]


def compute_routes(app: FastAPI, there: dict[str, Document]) -> None:
    nodes = dict.fromkeys(("current", "target", "idle", "running", "preparing", "lost"), 0)
    made = {"provisioning_state": "Succeeded", "pool": "p", "nodes": nodes, "errors": []}
    made["created_at"] = "2026-07-10T10:00:00.000Z"

    @app.post("/api/computes", status_code=201)
    async def create(request: Request) -> Document:
        document = await request.json()
        there[document["name"]] = {**document, **made}
        return there[document["name"]]

    @app.get("/api/computes")
    def computes() -> Document:
        return {"computes": list(there.values())}

    @app.get("/api/computes/{name}")
    def show(name: str) -> Any:
        error = {"code": "ComputeNotFound", "message": f"There is no compute {name}.", "remedy": ""}
        return there.get(name) or JSONResponse({"error": error}, 404)

    @app.patch("/api/computes/{name}")
    async def update(name: str, request: Request) -> Document:
        there[name] |= await request.json()
        return there[name]

    @app.delete("/api/computes/{name}", status_code=204)
    def delete(name: str) -> None:
        there.pop(name, None)
