"""Parts: a file that is put to signed addresses, piece by piece, and then is one."""

from datetime import timedelta

import httpx
import pytest

from shared.domain.errors import NotFound
from shared.ports.files import OUTPUTS
from tests.contract.ports.conftest import Stores
from tests.simulation.twins.parts import SimulatedParts

HOUR = timedelta(hours=1)
PATH = "r/1/artifacts/größe 1 & 2.bin"


def put(stores: Stores, part: str, content: bytes) -> None:
    """As MLflow's client does it: no header of Blob Storage's, no key."""
    address = stores.parts.address(OUTPUTS, PATH, part, HOUR)
    if isinstance(stores.parts, SimulatedParts):
        stores.parts.blocks[OUTPUTS, PATH, part] = content
    else:
        assert httpx.put(address, content=content).status_code == 201


def test_parts_become_a_file_in_the_order_that_is_named(stores: Stores) -> None:
    for part, content in (("u-2", b"world"), ("u-1", b"hello "), ("u-3", b"!")):
        put(stores, part, content)
    stores.parts.join(OUTPUTS, PATH, ["u-1", "u-2", "u-3"], "text/plain")
    assert stores.files.read(OUTPUTS, PATH) == b"hello world!"


def test_a_part_that_was_not_put_is_missed(stores: Stores) -> None:
    put(stores, "u-1", b"hello")
    with pytest.raises(NotFound):
        stores.parts.join(OUTPUTS, PATH, ["u-1", "u-2"], "text/plain")


def test_a_whole_file_is_put_anew(stores: Stores) -> None:
    for content in (b"1", b""):
        stores.parts.put(OUTPUTS, PATH, content, "text/plain")
        assert stores.files.read(OUTPUTS, PATH) == content
