"""Files: what is written is found, listed, and read whole or in part."""

import base64
import hashlib

import pytest

from shared.domain.errors import NotFound, Refused
from shared.ports.files import DATA, OUTPUTS
from tests.contract.ports.conftest import Stores

TEXT = "größer\n".encode() * 3


def test_a_file_is_known_by_what_is_in_it(stores: Stores) -> None:
    assert stores.files.stat(DATA, "a/ü 1.csv") is None
    stores.files.write(DATA, "a/ü 1.csv", TEXT)
    file = stores.files.stat(DATA, "a/ü 1.csv")
    assert file is not None
    assert (file.path, file.size) == ("a/ü 1.csv", len(TEXT))
    assert file.md5 in ("", base64.b64encode(hashlib.md5(TEXT).digest()).decode())
    assert file.modified.tzinfo is not None


def test_new_content_has_another_etag_and_a_list_has_the_same(stores: Stores) -> None:
    etags = []
    for content in (b"1", b"2"):
        stores.files.write(DATA, "a", content)
        (seen,) = stores.files.list(DATA, "a")
        assert seen == stores.files.stat(DATA, "a")
        etags.append(seen.etag)
    assert etags[0] != etags[1]


def test_a_list_is_by_prefix_and_in_order(stores: Stores) -> None:
    for path in ("r/1/b", "r/1/a", "r/10/a", "s/1/a"):
        stores.files.write(OUTPUTS, path, b"x")
    assert [file.path for file in stores.files.list(OUTPUTS, "r/1/")] == ["r/1/a", "r/1/b"]
    assert [*stores.files.list(DATA, "")] == []


#: Offset, limit, and what is read.
RANGES = {
    "whole": (0, None, TEXT),
    "the start": (0, 4, TEXT[:4]),
    "the middle": (3, 5, TEXT[3:8]),
    "to the end": (3, None, TEXT[3:]),
    "over the end": (len(TEXT) - 2, 99, TEXT[-2:]),
    "at the end": (len(TEXT), 5, b""),
    "past the end": (999, 5, b""),
}


@pytest.mark.parametrize(("offset", "limit", "content"), RANGES.values(), ids=RANGES)
def test_a_part_is_read(stores: Stores, offset: int, limit: int | None, content: bytes) -> None:
    stores.files.write(OUTPUTS, "log", TEXT)
    assert stores.files.read(OUTPUTS, "log", offset, limit) == content


def test_an_empty_file_is_read(stores: Stores) -> None:
    stores.files.write(OUTPUTS, "log", b"")
    assert stores.files.read(OUTPUTS, "log") == b""
    assert stores.files.read(OUTPUTS, "log", 0, 10) == b""


def test_no_such_file(stores: Stores) -> None:
    with pytest.raises(NotFound):
        stores.files.read(OUTPUTS, "nothing", 0, 10)


def test_a_container_of_our_own_account_is_made_when_it_is_not_there(stores: Stores) -> None:
    account = stores.files.account()
    for _ in range(2):
        assert stores.files.ensure("made-for-a-test", account)
    stores.files.write("made-for-a-test", "a", b"x")
    assert stores.files.stat("made-for-a-test", "a", account) is not None
    assert stores.files.stat("made-for-a-test", "b", account) is None
    assert [file.path for file in stores.files.list("made-for-a-test", "", account)] == ["a"]


def test_an_account_that_we_can_not_sign_for_is_refused(stores: Stores) -> None:
    with pytest.raises(Refused, match="can't be entered"):
        stores.files.stat(DATA, "a", "somebodyelse")
