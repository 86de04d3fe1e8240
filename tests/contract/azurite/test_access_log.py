"""What Azurite's log lines say: a table."""

import pytest

from retrain.local.azurite.access_log import BlobCreated, parse

A = BlobCreated("data", "a")
ODD = BlobCreated("data", 'a b/ü"#%.csv')

CASES = {
    "a blob": ("PUT /acc/data/a", 201, A, "PUT blob"),
    "decoded": ("PUT /acc/data/a%20b/%C3%BC%22%23%25.csv", 201, ODD, "PUT blob"),
    "through a SAS": ("PUT /acc/data/a?sv=2021&sr=c&sig=x%3D", 201, A, "PUT blob"),
    "a block list": ("PUT /acc/data/a?comp=blocklist", 201, A, "PUT blob blocklist"),
    "a copy": ("PUT /acc/data/copy", 202, BlobCreated("data", "copy"), "PUT blob"),
    "a raw quote": ('PUT /acc/data/a"b c', 201, BlobCreated("data", 'a"b c'), "PUT blob"),
    "a block": ("PUT /acc/data/a?comp=block&blockid=MQ%3D%3D", 201, None, "PUT blob block"),
    "an append": ("PUT /acc/data/a?comp=appendblock", 201, None, "PUT blob appendblock"),
    "a page": ("PUT /acc/data/a?comp=page", 201, None, "PUT blob page"),
    "metadata": ("PUT /acc/data/a?comp=metadata", 200, None, "PUT blob metadata"),
    "a lease": ("PUT /acc/data/a?comp=lease", 201, None, "PUT blob lease"),
    "a snapshot": ("PUT /acc/data/a?comp=snapshot", 201, None, "PUT blob snapshot"),
    "exists already": ("PUT /acc/data/a", 409, None, "PUT blob"),
    "condition not met": ("PUT /acc/data/a", 412, None, "PUT blob"),
    "a container": ("PUT /acc/data?restype=container", 201, None, "PUT container"),
    "a read": ("GET /acc/data/a", 200, None, "GET blob"),
    "a deletion": ("DELETE /acc/data/a", 202, None, "DELETE blob"),
    "a listing": ("GET /acc/data?restype=container&comp=list", 200, None, "GET container list"),
    "the service": ("GET /acc?comp=list", 200, None, "GET service list"),
}


@pytest.mark.parametrize(("asked", "status", "created", "kind"), CASES.values(), ids=CASES)
def test_lines(asked: str, status: int, created: BlobCreated | None, kind: str) -> None:
    line = f'127.0.0.1 - - [24/Nov/2026:00:23:35 +0000] "{asked} HTTP/1.1" {status} -'
    request = parse(line)
    assert request is not None
    assert (request.created, request.kind) == (created, kind)


def test_other_lines_are_none_of_ours() -> None:
    assert parse("Azurite Blob service is starting on 127.0.0.1:0") is None
    assert parse("") is None
