"""Whether it is the same content, as far as anybody wrote it down."""

import pytest

from shared.domain.lineage import Content

FILE = Content(size=4, etag="1", md5="a")
FOLDER = Content(size=4, files=2, sha256="content", manifest="list")

SAME: dict[str, tuple[Content, Content, bool]] = {
    "a file that was written again": (FILE, Content(size=4, etag="2", md5="a"), True),
    "another file": (FILE, Content(size=4, etag="1", md5="b"), False),
    "a file without MD5": (
        Content(size=4, etag="1"),
        Content(size=4, etag="2"),
        False,
    ),
    "a folder that was written again": (
        FOLDER,
        Content(size=4, files=2, sha256="content", manifest="other"),
        True,
    ),
    "another folder": (FOLDER, Content(size=4, files=2, sha256="x", manifest="y"), False),
    "a folder of an old record": (FOLDER, Content(size=4, files=2, sha256="list"), True),
    "another of an old record": (FOLDER, Content(size=4, files=2, sha256="old"), False),
}


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=SAME)
def test_the_same_content(one: Content, other: Content, same: bool) -> None:
    assert one.same(other) is same
    assert other.same(one) is same
