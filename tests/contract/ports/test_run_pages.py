"""Lists of runs that come in several pages, from the service itself."""

from datetime import timedelta

import pytest
from azure.storage.blob import BlobServiceClient

from shared.azure.blob_runs import BlobRuns
from shared.domain.keys import run_name
from tests.contract.ports.conftest import Stores
from tests.factories import NOON, a_job, a_run


@pytest.mark.parametrize("stores", ["azure"], indirect=True)
def test_each_run_once_whatever_the_pages(stores: Stores, service: BlobServiceClient) -> None:
    runs = BlobRuns(service, page=2)
    names = [run_name("r", NOON + timedelta(seconds=second)) for second in range(5)]
    for name in names:
        runs.create(a_run(name=name, job=a_job(display_name=f"<{name}> & more")))
    listed = list(runs.list("2026031"))
    assert [run.name for run in listed] == names
    assert [run.display_name for run in listed] == [f"<{name}> & more" for name in names]
    assert list(runs.list("2027")) == []
    assert [run.name for run in BlobRuns(service).list()] == names
