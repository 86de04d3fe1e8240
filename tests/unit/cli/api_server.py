"""Retrain's API and a Blob Storage, in memory but over real HTTP, for tests of what talks to them.

It follows the API's contract, not its implementation: runs do what a test writes into `runs`,
`logs` and `outputs`. `fail` makes the next matching requests go wrong; `seen` keeps all of them.
"""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from tests.unit.cli.blob_storage import BlobStorage, blob_routes
from tests.unit.cli.compute_routes import compute_routes, drain_routes
from tests.unit.cli.schedule_switches import switch_routes

KEY = "the-function-key"
STORE = "azureml://datastores/workspaceworkingdirectory/paths/"
DATA = "azureml://datastores/workspaceblobstore/paths/"
Document = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """A request that arrived, whatever came of it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass
class Fault:
    """status 0: the answer breaks off after `sent` bytes of its body. times: how often."""

    method: str
    path: str
    status: int
    times: int
    sent: int = 0


@dataclass
class ApiServer:
    endpoint: str = ""
    runs: dict[str, Document] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    logs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    scores: dict[str, Document] = field(default_factory=dict)
    outputs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    schedules: dict[str, Document] = field(default_factory=dict)
    compute: Document = field(default_factory=lambda: {"jobs": [], "pools": []})
    computes: dict[str, Document] = field(default_factory=dict)
    to_drain: list[tuple[list[str], list[str], list[str]]] = field(default_factory=list)
    storage: BlobStorage = field(default_factory=BlobStorage)
    seen: list[Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def fail(self, method: str, path: str, status: int, times: int = 1, sent: int = 0) -> None:
        self.faults.append(Fault(method, path, status, times, sent))

    @property
    def blobs(self) -> dict[str, bytes]:
        return self.storage.blobs

    def requests(self, method: str, path: str) -> list[Seen]:
        return [s for s in self.seen if s.method == method and re.fullmatch(path, s.path)]

    def add_run(self, name: str, status: str = "Completed", **fields: Any) -> Document:
        self.runs[name] = a_run(name, status) | fields
        return self.runs[name]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {k.decode(): v.decode() for k, v in scope["headers"]}
        path, method = scope["path"], scope["method"]
        self.seen.append(Seen(method, path, scope["query_string"].decode(), headers))
        fault = self._fault(method, path)
        if fault and fault.status:
            answer: Any = Response("not now", fault.status, {"Retry-After": "0"})
        elif path.startswith("/api/") and path != "/api/health" and self._refused(headers):
            answer = Response(status_code=401)  # as the Functions host does: no body
        else:
            answer = self._app
        await answer(
            scope, receive, _broken(send, fault.sent) if fault and not fault.status else send
        )

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.times and fault.method == method and re.fullmatch(fault.path, path):
                fault.times -= 1
                return fault
        return None

    def _refused(self, headers: dict[str, str]) -> bool:
        return headers.get("x-functions-key") != KEY

    @property
    def _app(self) -> FastAPI:
        if not hasattr(self, "_made"):
            self._made = _routes(self)
        return self._made


def _broken(send: Send, sent: int) -> Send:
    """Let only `sent` bytes of the body through; uvicorn then closes the connection."""

    async def through(message: Any) -> None:
        if message["type"] == "http.response.body":
            body = message.get("body", b"")[:sent]
            await send({"type": "http.response.body", "body": body, "more_body": True})
        else:
            await send(message)

    return through


@contextmanager
def running() -> Iterator[ApiServer]:
    """A server on a free port, until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = ApiServer(f"http://127.0.0.1:{listener.getsockname()[1]}")
    config = uvicorn.Config(server, log_level="critical", lifespan="off", ws="none")
    uvicorn_server = uvicorn.Server(config)
    thread = threading.Thread(target=uvicorn_server.run, args=([listener],))
    thread.start()
    try:
        yield server
    finally:
        uvicorn_server.should_exit = True
        thread.join()


def a_run(name: str, status: str = "Completed") -> Document:
    timeline = [
        {"status": "Queued", "at": "2026-07-10T10:00:00.000Z", "note": ""},
        {"status": "Running", "at": "2026-07-10T10:00:02.500Z", "note": ""},
        {"status": status, "at": "2026-07-10T10:01:04.500Z", "note": ""},
    ]
    over = status in ("Completed", "Failed", "Canceled")
    return {
        "name": name,
        "status": status,
        "display_name": None,
        "experiment_name": "wine",
        "description": None,
        "tags": {},
        "compute": "serverless",
        "environment": "python:3.11",
        "created_at": timeline[0]["at"],
        "started_at": timeline[1]["at"],
        "ended_at": timeline[2]["at"] if over else None,
        "attempt": 1,
        "source": {"kind": "http", "schedule": None, "path": None},
        "timeline": timeline if over else timeline[:2],
        "error": None,
        "inputs": {},
        "outputs": {},
        "job": {},
    }


def problem(status: int, code: str, message: str, remedy: str = "", **more: Any) -> Response:
    error = {"code": code, "message": message, "remedy": remedy, "details": [], **more}
    return JSONResponse({"error": error}, status)


def _routes(server: ApiServer) -> FastAPI:
    app = FastAPI()
    _job_routes(app, server)
    _log_and_output_routes(app, server)
    _upload_routes(app, server)
    _schedule_routes(app, server)
    switch_routes(app, server)
    compute_routes(app, server.computes)
    app.include_router(blob_routes(server.storage))

    @app.get("/api/health")
    def health() -> Document:
        held = bool(server.compute.get("held"))
        return {"status": "ok", "version": "0.1.0", "compute": "held" if held else "open"}

    drain_routes(app, server.compute, server.to_drain)

    return app


def _job_routes(app: FastAPI, server: ApiServer) -> None:
    @app.post("/api/jobs", status_code=202)
    async def submit(request: Request) -> Any:
        job, key = await request.json(), request.headers["Idempotency-Key"]
        if "command" not in job:
            details = [{"field": "command", "message": "is missing"}]
            return problem(422, "InvalidJob", "The job is not valid.", details=details)
        if key not in server.by_key:
            name = f"20260710-100000000-{len(server.runs):08x}"
            server.by_key[key] = name
            run = server.add_run(name, "Completed", job=job)
            run["display_name"] = job.get("display_name")
        return server.runs[server.by_key[key]]

    @app.get("/api/jobs")
    def runs(request: Request, limit: int = 50, before: str | None = None) -> Document:
        statuses = request.query_params.getlist("status")
        experiment = request.query_params.get("experiment")
        schedule = request.query_params.get("schedule")
        found = [
            run
            for name, run in sorted(server.runs.items(), reverse=True)
            if (not statuses or run["status"] in statuses)
            and experiment in (None, run["experiment_name"])
            and schedule in (None, run["source"]["schedule"])
            and (before is None or name < before)
        ]
        following = found[limit - 1]["name"] if len(found) > limit else None
        return {"jobs": found[:limit], "next": following, "total": len(found)}

    @app.get("/api/jobs/{name}")
    def show(name: str) -> Any:
        if name not in server.runs:
            return problem(404, "RunNotFound", f"There is no run {name}.", "See `retrain job list`")
        return server.runs[name]

    @app.post("/api/jobs/{name}/cancel", status_code=202)
    def cancel(name: str) -> Document:
        server.runs[name]["status"] = "CancelRequested"
        return server.runs[name]


def _log_and_output_routes(app: FastAPI, server: ApiServer) -> None:
    @app.get("/api/jobs/{name}/logs")
    def logs(name: str, file: str, offset: int = 0, limit: int = 1048576) -> Response:
        text = server.logs.get((name, file), b"")
        chunk = text[offset : offset + limit]
        end = offset + len(chunk)
        over = server.runs[name]["ended_at"] is not None and end == len(text)
        headers = {"Retrain-Next-Offset": str(end), "Retrain-Complete": str(over).lower()}
        return Response(chunk, media_type="text/plain", headers=headers)

    @app.get("/api/jobs/{name}/metrics")
    def metrics(name: str) -> Any:
        if name not in server.runs:
            return problem(404, "RunNotFound", f"There is no run {name}.", "See `retrain job list`")
        nothing: Document = {"metrics": {}, "params": {}, "tags": {}, "children": []}
        return {"id": name, "run": name, **nothing, **server.scores.get(name, {})}

    @app.get("/api/jobs/{name}/metrics/{key:path}")
    def history(name: str, key: str) -> Document:
        found = server.scores.get(name, {}).get("metrics", {}).get(key)
        return {"key": key, "points": [found["last"]] if found else []}

    @app.post("/api/tracking-tokens", status_code=201)
    def token(hours: int) -> Document:
        at = "2026-07-10T10:00:00.000Z"
        return {"path": "/api/mlflow", "token": f"rt1.{hours}", "expires_at": at}

    @app.get("/api/jobs/{name}/outputs")
    def outputs(name: str) -> Document:
        found = [
            {"path": path, "size": len(content), "modified": "2026-07-10T10:01:03Z"}
            for (run, path), content in sorted(server.outputs.items())
            if run == name
        ]
        return {"files": found}

    @app.get("/api/jobs/{name}/outputs/{path:path}")
    def output(name: str, path: str) -> Response:
        server.blobs[f"/blob/outputs/{name}/{path}"] = server.outputs[name, path]
        return RedirectResponse(f"{server.endpoint}/blob/outputs/{name}/{path}?sig=a%2Bb", 307)


def _upload_routes(app: FastAPI, server: ApiServer) -> None:
    def grant(blob: str, **more: str) -> Document:
        url = f"{server.endpoint}/blob/{blob}?sv=2021-12-02&sig=a%2Bb%3D"
        return {"url": url, "headers": {"x-ms-blob-type": "BlockBlob"}, **more}

    @app.post("/api/snapshots/{sha256}")
    def snapshot(sha256: str) -> Document:
        exists = f"/blob/snapshots/{sha256}.zip" in server.blobs
        answer = {"exists": exists, "uri": f"{STORE}{sha256}.zip"}
        return answer if exists else {**answer, "upload": grant(f"snapshots/{sha256}.zip")}

    @app.post("/api/inputs")
    async def inputs(request: Request) -> Document:
        body = await request.json()
        folder = f"inputs/{body['digest']}/"
        uploads = [
            grant(f"snapshots/{folder}{file['path']}", path=file["path"])
            for file in body["files"]
            if f"/blob/snapshots/{folder}{file['path']}" not in server.blobs
        ]
        return {"uri": STORE + folder, "uploads": uploads}

    @app.post("/api/data")
    async def data(request: Request) -> Document:
        paths = [file["path"] for file in (await request.json())["files"]]
        return {"uploads": [grant(f"data/{p}", path=p, uri=DATA + p) for p in paths]}


def _schedule_routes(app: FastAPI, server: ApiServer) -> None:
    @app.post("/api/schedules")
    async def put(request: Request) -> Response:
        schedule = await request.json()
        status = 200 if schedule["name"] in server.schedules else 201
        server.schedules[schedule["name"]] = schedule
        return JSONResponse(schedule, status)

    @app.get("/api/schedules")
    def schedules() -> Document:
        return {"schedules": list(server.schedules.values())}

    @app.get("/api/schedules/{name}")
    def show(name: str) -> Any:
        missing = problem(404, "ScheduleNotFound", f"There is no schedule {name}.")
        return server.schedules.get(name) or missing

    @app.delete("/api/schedules/{name}", status_code=204)
    def delete(name: str) -> Response:
        if server.schedules.pop(name, None) is None:
            return problem(404, "ScheduleNotFound", f"There is no schedule {name}.")
        return Response(status_code=204)
