"""What could not be processed: list, show, send again, drop."""

import base64
from typing import Annotated, Any

from fastapi import APIRouter, Query

from functions.api.views import time
from shared.app.dead_letters import Shown
from shared.ports.bus import QUEUES
from shared.wiring import product

router = APIRouter(tags=["dead letters"])

_Limit = Annotated[int, Query(ge=1, le=250)]
_After = Annotated[int, Query(ge=0)]


@router.get("/dead-letters")
def dead_letters(
    queue: str | None = None, limit: _Limit = 100, after: _After = 0
) -> dict[str, Any]:
    """Of each queue, or of one, the oldest; `after` is the number behind which to go on."""
    queues = [queue] if queue is not None else QUEUES
    found = product().dead_letters.list(queues, limit, after)
    return {"dead_letters": [_view(shown) for shown in found]}


@router.get("/dead-letters/{queue}/{number}")
def show(queue: str, number: int) -> dict[str, Any]:
    """With its content: `body` when it is text, else null; `body_base64` in any case."""
    shown = product().dead_letters.show(queue, number)
    return {**_view(shown), **_content(shown)}


@router.post("/dead-letters/{queue}/{number}/resubmit", status_code=202)
def resubmit(queue: str, number: int) -> dict[str, Any]:
    """Send it to its queue once more; the new message has an id of its own."""
    sent = product().dead_letters.resubmit(queue, number)
    return {"id": f"{queue}/{number}", "message_id": sent}


@router.delete("/dead-letters/{queue}/{number}", status_code=204)
def drop(queue: str, number: int) -> None:
    """Remove it for good."""
    product().dead_letters.drop(queue, number)


def _view(shown: Shown) -> dict[str, Any]:
    letter, refusal = shown.letter, shown.refusal
    return {
        "id": shown.id,
        "queue": letter.queue,
        "number": letter.number,
        "message_id": letter.id or None,
        "run": letter.run or None,
        "about": shown.about,
        "error": {
            "code": refusal.code,
            "message": refusal.message,
            "remedy": refusal.remedy,
        },
        "failed_at": time(refusal.at) if shown.noted else None,
        "deliveries": refusal.deliveries if shown.noted else None,
        "reason": letter.reason,
        "description": letter.description,
        "enqueued_at": time(letter.enqueued_at),
        "resubmitted": letter.again,
        "content_type": letter.content_type or None,
        "size": len(letter.body),
    }


def _content(shown: Shown) -> dict[str, str | None]:
    body = shown.letter.body
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = None
    return {"body": text, "body_base64": base64.b64encode(body).decode()}
