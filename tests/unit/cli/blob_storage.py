"""As much of Blob Storage as the client uses: Put Blob, Put Block, Put Block List, Get Blob."""

import base64
import hashlib
import re
from dataclasses import dataclass, field

from fastapi import APIRouter, Request, Response


@dataclass
class BlobStorage:
    """Contents by path, such as /blob/data/wine.csv."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    blocks: dict[str, bytes] = field(default_factory=dict)
    md5: dict[str, str] = field(default_factory=dict)

    def put_blob(self, path: str, request: Request, content: bytes) -> Response:
        assert request.headers["x-ms-blob-type"] == "BlockBlob"
        if request.headers["Content-MD5"] != md5_of(content):
            return refused(400, "Md5Mismatch")
        if request.headers.get("If-None-Match") == "*" and path in self.blobs:
            return refused(409, "BlobAlreadyExists")
        self.blobs[path], self.md5[path] = content, md5_of(content)
        return Response(status_code=201)

    def put_block(self, block: str, request: Request, content: bytes) -> Response:
        assert "x-ms-blob-type" not in request.headers
        if request.headers["Content-MD5"] != md5_of(content):
            return refused(400, "Md5Mismatch")
        self.blocks[block] = content
        return Response(status_code=201)

    def put_block_list(self, path: str, request: Request, content: bytes) -> Response:
        ids = re.findall(r"<Latest>(.*?)</Latest>", content.decode())
        self.blobs[path] = b"".join(self.blocks[one] for one in ids)
        self.md5[path] = request.headers["x-ms-blob-content-md5"]
        return Response(status_code=201)

    def get(self, path: str, request: Request) -> Response:
        content = self.blobs[path]
        etag = f'"{md5_of(content)}"'
        if request.headers.get("If-Match", etag) != etag:
            return refused(412, "ConditionNotMet")
        if match := re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", "")):
            return Response(content[int(match[1]) :], 206, {"ETag": etag})
        return Response(content, headers={"ETag": etag})


def md5_of(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def refused(status: int, code: str) -> Response:
    return Response(status_code=status, headers={"x-ms-error-code": code})


def blob_routes(storage: BlobStorage) -> APIRouter:
    router = APIRouter()

    @router.put("/blob/{blob:path}")
    async def put(request: Request, comp: str = "", blockid: str = "") -> Response:
        path, content = request.url.path, await request.body()
        if comp == "block":
            return storage.put_block(blockid, request, content)
        if comp == "blocklist":
            return storage.put_block_list(path, request, content)
        return storage.put_blob(path, request, content)

    @router.get("/blob/{blob:path}")
    def get(request: Request) -> Response:
        return storage.get(request.url.path, request)

    return router
