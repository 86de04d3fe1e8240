"""Dead letters for people."""

import textwrap
from collections.abc import Sequence

from rich.text import Text

from retrain.cli.render import console, table
from retrain.cli.times import clock
from retrain.client.records import DeadLetter, DeadLetterContent

_WIDTH = 88  # of hexadecimal content's lines, roughly
_SHOWN = 4096  # characters of content; the whole is in --json


def listed(found: Sequence[DeadLetter]) -> None:
    """One a line."""
    if not found:
        console().print("No dead letters.")
        return
    rows = (
        (
            one["id"],
            one["about"],
            one["run"] or "",
            clock(one["failed_at"] or one["enqueued_at"]),
            f"{one['error']['code']}: {one['error']['message']}",
        )
        for one in found
    )
    table(("ID", "WHAT", "RUN", "SINCE", "WHY"), rows)


def shown(one: DeadLetterContent) -> None:
    """All that is known of one."""
    out = console()
    out.print(f"{one['id']}  {one['about']}")
    facts = {
        "run": one["run"] or "",
        "message id": one["message_id"] or "",
        "sent": clock(one["enqueued_at"]),
        "failed": clock(one["failed_at"]),
        "deliveries": str(one["deliveries"] or ""),
        "sent again": f"{one['resubmitted']} times before" if one["resubmitted"] else "",
        "the queue": " ".join(word for word in (one["reason"], one["description"]) if word),
        "content": f"{one['size']} bytes, {one['content_type'] or 'of no type'}",
    }
    for name, value in facts.items():
        if value:
            out.print(f"  {name:<12} {value}")
    error = one["error"]
    out.print(Text.assemble(("\nError ", "red"), f"{error['code']}: {error['message']}"))
    if error["remedy"]:
        out.print(f"  {error['remedy']}")
    out.print("\nContent" if one["body"] is not None else "\nContent in base64, as it is no text")
    text = one["body"]
    whole = text if text is not None else "\n".join(textwrap.wrap(one["body_base64"], _WIDTH))
    out.print(Text(whole[:_SHOWN]))
    if len(whole) > _SHOWN:
        out.print(f"… {len(whole) - _SHOWN} more characters; see all with --json.")
