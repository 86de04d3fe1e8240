"""Whom a job tells of its end: addresses that get a signed POST."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import NonEmptyText

Occasion = Literal["completed", "failed", "canceled", "promoted"]
#: Each costs the end of a run a request.
MOST: Final = 5
_LONGEST: Final = 2048
_PRINTABLE: Final = re.compile(r"[!-~]+")


def _web_address(url: str) -> str:
    if len(url) > _LONGEST or not _PRINTABLE.fullmatch(url):
        raise refusal(
            f"is no web address of at most {_LONGEST:,} ASCII characters without spaces",
            "percent-encode what is special in it",
        )
    try:
        parts = urlsplit(url)
        named, _ = bool(parts.hostname), parts.port
    except ValueError:
        named, parts = False, urlsplit("")
    if parts.scheme not in ("https", "http") or not named:
        raise refusal(f"'{url}' is not a web address", "write https://<host>/<path>")
    if "@" in parts.netloc:
        raise refusal("has a user or password in it", "the signature tells who is calling")
    return url


def _each_once(occasions: list[Occasion]) -> list[Occasion]:
    if not occasions:
        raise refusal("is empty", "name an occasion, or leave `events` out")
    return sorted(set(occasions))


class Notification(Document):
    """One address, and the occasions that it is told of."""

    webhook: Annotated[NonEmptyText, AfterValidator(_web_address)] = Field(
        description="https address that gets a signed POST; http for those in a private network."
    )
    events: Annotated[list[Occasion], AfterValidator(_each_once)] = Field(
        default=["completed", "failed", "promoted"],
        description="Of completed, failed, canceled and promoted those to tell of.",
    )


Notifications = Annotated[list[Notification], Field(max_length=MOST)]
