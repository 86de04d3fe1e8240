"""Places to upload to: below our containers only, and only what isn't there yet."""

import pytest

from shared.domain.errors import Invalid
from shared.ports.files import SNAPSHOTS
from tests.simulation.twins.world import Twins

SHA = "a" * 64


def test_a_snapshot_travels_once() -> None:
    twins = Twins()
    uri, ticket = twins.product().uploads.snapshot(SHA)
    assert uri == f"azureml://datastores/workspaceworkingdirectory/paths/{SHA}.zip"
    assert ticket is not None
    assert ticket.headers["If-None-Match"] == "*"
    twins.files.write(SNAPSHOTS, f"{SHA}.zip", b"zip")
    assert twins.product().uploads.snapshot(SHA) == (uri, None)


def test_of_inputs_what_is_missing_or_was_cut_short_travels() -> None:
    twins = Twins()
    twins.files.write(SNAPSHOTS, f"inputs/{SHA}/there.csv", b"123")
    twins.files.write(SNAPSHOTS, f"inputs/{SHA}/short.csv", b"1")
    files = [("there.csv", 3), ("short.csv", 3), ("a/new.csv", 3)]
    uri, tickets = twins.product().uploads.inputs(SHA, files)
    assert uri.endswith(f"/inputs/{SHA}/")
    assert [ticket.path for ticket in tickets] == ["short.csv", "a/new.csv"]


def test_data_may_be_written_anew() -> None:
    (ticket,) = Twins().product().uploads.data(["wine/new.csv"])
    assert ticket.uri == "azureml://datastores/workspaceblobstore/paths/wine/new.csv"
    assert "If-None-Match" not in ticket.headers


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/../b", "a//b", "a\\b", "a/", "a\nb", "."])
def test_a_path_stays_below_its_container(path: str) -> None:
    with pytest.raises(Invalid):
        Twins().product().uploads.data([path])
    with pytest.raises(Invalid):
        Twins().product().uploads.inputs(SHA, [(path, 1)])


@pytest.mark.parametrize("digest", ["", "A" * 64, "a" * 63, "../" + "a" * 61, "a" * 64 + "\n"])
def test_a_digest_is_one(digest: str) -> None:
    with pytest.raises(Invalid):
        Twins().product().uploads.snapshot(digest)
    with pytest.raises(Invalid):
        Twins().product().uploads.inputs(digest, [("a", 1)])
