"""The computes of the API that the command line's tests talk to."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

Document = dict[str, Any]


def drain_routes(
    app: FastAPI, compute: Document, found: list[tuple[list[str], list[str], list[str]]]
) -> None:
    """found: what each drain finds; of the last the others find the same."""

    @app.get("/api/compute")
    def now() -> Document:
        return compute

    @app.get("/api/compute/limits")
    def limits() -> Document:
        used = {"max_nodes": None, "nodes": None, "waiting": 0}
        hours = {"max_node_hours_a_day": None, "node_hours_today": None}
        return {**used, **hours, **compute.get("limits", {})}

    @app.post("/api/compute/drain")
    async def drain(request: Request) -> Document:
        by = (await request.json())["by"]
        held = compute["held"] = compute.get("held") or {"by": by, "since": "2026-07-10T10:00:00Z"}
        runs, jobs, pools = found.pop(0) if len(found) > 1 else found[0]
        return {"held": held, "runs": runs, "jobs": jobs, "pools": pools}

    @app.post("/api/compute/resume")
    def resume() -> Document:
        compute["held"] = None
        return {"held": None, "runs": 0}


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
