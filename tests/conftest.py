"""For all tests: where CI promises a container engine, a test that needs one may not skip; and no
property fails because the machine was slow."""

import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("retrain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("retrain")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    promised = os.environ.get("RETRAIN_TESTS_NEED_PODMAN")
    if promised and report.skipped and item.get_closest_marker("podman"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped where podman is promised: {report.longrepr}"
    return report
