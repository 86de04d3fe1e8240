"""Lists: filtered, cut to the properties asked for, a page at a time with a link to the next."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

from retrain.local.batch.catalog import Catalog
from retrain.local.batch.entity import Entity
from retrain.local.batch.errors import Refused
from retrain.local.batch.odata import Lookup, Predicate, compile_filter
from retrain.local.batch.wire import Request, Response, document

_PAGE: Final = 1000
_COUNT: Final = re.compile("[0-9]{1,18}")


E = TypeVar("E", bound=Entity)


def page(request: Request, entities: Catalog[E], endpoint: str) -> Response:
    """One page of the entities that pass $filter, each cut to $select."""
    wanted = predicate(request)
    limit, after = page_size(request), skip_token(request)
    found: list[dict[str, Any]] = []
    last = 0
    for entity in entities.after(after):
        if len(found) == limit:
            return document(_page(request, found, f"{endpoint}{request.raw_path}", last))
        if wanted is None or wanted(_lookup(entity)):
            found.append(view(request, entity))
            last = entity.number
    return document({"value": found})


def page_by_path(request: Request, documents: list[dict[str, Any]], endpoint: str) -> Response:
    """As `page` for files in the order of their paths: a page ends with a name, not at a place."""
    wanted = predicate(request)
    limit, after = page_size(request), request.query.get("$skiptoken", "").split("/")
    chosen = [
        item
        for item in documents
        if item["name"].split("/") > after and (wanted is None or wanted(_walker(item)))
    ]
    part = [select(request, item) for item in chosen[:limit]]
    if limit < len(chosen):
        address, last = f"{endpoint}{request.raw_path}", chosen[limit - 1]["name"]
        return document(_page(request, part, address, last))
    return document({"value": part})


def page_of(request: Request, documents: list[dict[str, Any]], endpoint: str) -> Response:
    """As `page` for plain documents, which are numbered by their place."""
    wanted = predicate(request)
    limit, after = page_size(request), skip_token(request)
    chosen = [item for item in documents if wanted is None or wanted(_walker(item))]
    part = [select(request, item) for item in chosen[after : after + limit]]
    if after + limit < len(chosen):
        address = f"{endpoint}{request.raw_path}"
        return document(_page(request, part, address, after + limit))
    return document({"value": part})


def predicate(request: Request) -> Predicate | None:
    """The compiled $filter, None when there is none. Raises Refused."""
    text = request.query.get("$filter")
    return compile_filter(text) if text else None


def page_size(request: Request) -> int:
    """maxresults, 1 to 1000. Raises Refused."""
    text = request.query.get("maxresults", str(_PAGE))
    if not _COUNT.fullmatch(text) or not 1 <= int(text) <= _PAGE:
        raise Refused(
            "InvalidQueryParameterValue",
            QueryParameterName="maxresults",
            QueryParameterValue=text,
            Reason=f"A whole number from 1 to {_PAGE} is expected",
        )
    return int(text)


def skip_token(request: Request) -> int:
    """Where the page starts, 0 for the first. Raises Refused."""
    text = request.query.get("$skiptoken", "0")
    if not _COUNT.fullmatch(text):
        raise Refused(
            "InvalidQueryParameterValue",
            QueryParameterName="$skiptoken",
            QueryParameterValue=text,
        )
    return int(text)


def view(request: Request, entity: Entity) -> dict[str, Any]:
    """The entity as $expand and $select want it. Raises Refused."""
    wished = [word.strip() for word in request.query.get("$expand", "").split(",") if word.strip()]
    if any(word != "stats" for word in wished):
        raise Refused(
            "InvalidQueryParameterValue",
            QueryParameterName="$expand",
            QueryParameterValue=request.query["$expand"],
            Reason="Only stats can be expanded",
        )
    statistics = entity.statistics() if wished else None
    document = entity.document()
    return select(request, document | {"stats": statistics} if statistics else document)


def select(request: Request, item: dict[str, Any]) -> dict[str, Any]:
    """The document cut to the properties of $select."""
    names = request.query.get("$select")
    if not names:
        return item
    chosen: dict[str, Any] = {}
    for name in names.split(","):
        head, _, rest = name.strip().partition("/")
        if head in item:
            part = item[head]
            if rest and isinstance(part, dict):
                chosen[head] = chosen.get(head, {}) | {k: v for k, v in part.items() if k == rest}
            else:
                chosen[head] = part
    return chosen


def _page(
    request: Request, found: list[dict[str, Any]], address: str, token: int | str
) -> Mapping[str, Any]:
    query = {**request.query, "$skiptoken": str(token)}
    text = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query.items())
    return {"value": found, "odata.nextLink": f"{address}?{text}"}


def _quoted(value: str) -> str:
    return quote(value, safe="$/", errors="surrogateescape")


def _lookup(entity: Entity) -> Lookup:
    """Ids and states are looked up without making the whole document."""
    walk: Callable[[str], Any] | None = None

    def look(path: str) -> Any:
        nonlocal walk
        if path in ("id", "state"):
            return entity.id if path == "id" else entity.state
        if walk is None:
            walk = _walker(entity.document())
        return walk(path)

    return look


def _walker(item: dict[str, Any]) -> Lookup:
    def look(path: str) -> Any:
        value: Any = item
        for name in path.split("/"):
            value = value.get(name) if isinstance(value, dict) else None
        return value

    return look
