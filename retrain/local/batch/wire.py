"""HTTP as the operations see it: a request that is read, and an answer to be written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

from retrain.local.batch.entity import Entity, moment_of
from retrain.local.batch.errors import Refused

JSON_TYPE = "application/json; odata=minimalmetadata"


@dataclass(slots=True, kw_only=True)
class Request:
    """`headers` by lower-case name; `arguments` are the parts of the path that the route names."""

    method: str
    raw_path: str
    query_text: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes = b""
    arguments: Mapping[str, str] = field(default_factory=dict)

    def object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refused InvalidRequestBody."""
        try:
            document = json.loads(self.body, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise Refused("InvalidRequestBody", Reason=f"The body is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise Refused("InvalidRequestBody", Reason="The body is not a JSON object")
        return document

    def optional_object(self) -> dict[str, Any]:
        """As `object`, but a missing body is an empty one."""
        return self.object() if self.body.strip() else {}

    def flag(self, name: str) -> bool:
        """A query parameter that is true or absent."""
        return self.query.get(name, "").lower() == "true"

    def require(self, entity: Entity) -> None:
        """The conditional headers. Raises Refused ConditionNotMet or NotModified."""
        reading = self.method in ("GET", "HEAD")
        tags = {name: _tags(self.headers.get(name)) for name in ("if-match", "if-none-match")}
        if tags["if-match"] and not tags["if-match"] & {"*", entity.etag}:
            raise Refused("ConditionNotMet")
        if tags["if-none-match"] & {"*", entity.etag}:
            raise Refused("NotModified" if reading else "ConditionNotMet")
        modified = moment_of(entity.modified).replace(microsecond=0)
        since = self.date("if-modified-since")
        if since is not None and modified <= since:
            raise Refused("NotModified" if reading else "ConditionNotMet")
        unchanged = self.date("if-unmodified-since")
        if unchanged is not None and modified > unchanged:
            raise Refused("ConditionNotMet")

    def date(self, name: str) -> datetime | None:
        """A header's date, None when absent. Raises Refused InvalidHeaderValue."""
        text = self.headers.get(name)
        if not text:
            return None
        moment = http_moment(text)
        if moment is None:
            raise Refused("InvalidHeaderValue", HeaderName=name, HeaderValue=text)
        return moment


@dataclass(frozen=True, slots=True)
class FilePart:
    """`length` bytes of a file from `start`; the file may be growing."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """`body` is sent as it is; a FilePart is read while it is sent."""

    status: int
    body: bytes | FilePart = b""
    headers: tuple[tuple[str, str], ...] = ()


def _no_constant(name: str) -> None:
    """Python reads NaN and Infinity, which JSON has not."""
    raise ValueError(f"{name} is no JSON")


def answer(status: int, entity: Entity | None = None, url: str | None = None) -> Response:
    """An answer without a body, with the entity's stamps and address."""
    headers = _stamps(entity) if entity else ()
    if url:
        headers = (*headers, ("location", url), ("dataserviceid", url))
    return Response(status, b"", headers)


def document(body: Mapping[str, Any], entity: Entity | None = None) -> Response:
    """A JSON document."""
    headers = (("content-type", JSON_TYPE), *(_stamps(entity) if entity else ()))
    return Response(200, json.dumps(body, separators=(",", ":")).encode(), headers)


def http_moment(text: str) -> datetime | None:
    """The moment that an HTTP header writes, None when it writes none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def http_date(moment: datetime) -> str:
    """As HTTP headers write it: Tue, 24 Nov 2026 00:34:18 GMT."""
    return format_datetime(moment, usegmt=True)


def _stamps(entity: Entity) -> tuple[tuple[str, str], ...]:
    return (
        ("etag", f'"{entity.etag}"'),
        ("last-modified", http_date(moment_of(entity.modified))),
    )


def _tags(header: str | None) -> set[str]:
    return {tag.strip().strip('"') for tag in header.split(",")} if header else set()
