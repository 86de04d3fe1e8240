"""Addresses that a job tells of its end: what is taken, and what is refused with which words."""

import pytest

from shared.jobs import InvalidDocument, dump, parse_job
from tests.factories import a_document


def test_what_is_told_when_nothing_is_said() -> None:
    job = parse_job(a_document(notifications=[{"webhook": "https://example.com/x?y=z"}]))
    assert job.notifications[0].events == ["completed", "failed", "promoted"]
    assert parse_job(dump(job)) == job


@pytest.mark.parametrize(
    ("notification", "says"),
    [
        (
            {"webhook": "example.com"},
            "notifications[0].webhook: 'example.com' is not a web address",
        ),
        ({"webhook": "ftp://example.com"}, "is not a web address"),
        ({"webhook": "https:///x"}, "is not a web address"),
        ({"webhook": "https://[::1/x"}, "is not a web address"),
        ({"webhook": "https://h:99999/x"}, "is not a web address"),
        ({"webhook": "https://me:pass@example.com"}, "has a user or password in it"),
        ({"webhook": "https://example.com/a b"}, "ASCII characters without spaces"),
        ({"webhook": "https://example.com/\r\nX: y"}, "ASCII characters without spaces"),
        ({"webhook": "https://example.com/" + "x" * 2048}, "at most 2,048"),
        ({"webhook": "https://example.com", "events": []}, "is empty"),
        ({"webhook": "https://example.com", "events": ["ended"]}, "notifications[0].events[0]"),
        ({"webhook": "https://example.com", "on": ["failed"]}, "unknown field"),
        ({"url": "https://example.com"}, "unknown field"),
    ],
)
def test_what_is_refused(notification: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job(a_document(notifications=[notification]))
    assert says in str(refused.value)


def test_five_at_most() -> None:
    many = [{"webhook": f"https://example.com/{n}"} for n in range(6)]
    with pytest.raises(InvalidDocument, match="notifications"):
        parse_job(a_document(notifications=many))
