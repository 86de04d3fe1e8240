"""`retrain up --watch`: the stack stays, its functions are loaded anew, runs go on."""

import os
from pathlib import Path

from retrain.local.stack import ROOT
from tests.contract.host.stage import until
from tests.flow.local_stack import LocalStack, ended, job


def test_the_products_own_functions_are_loaded_anew(tmp_path: Path) -> None:
    stack = LocalStack(data=tmp_path / "stack")
    stack.start("--watch")
    log = stack.data / "stack.log"
    try:
        os.utime(ROOT / "functions" / "health.py")
        until(lambda: "functions/health.py has changed" in log.read_text(), seconds=60)
        with stack.client() as client:
            run = ended(client, client.create_job(job("true"))["name"])  # waits for the reload
            assert run["status"] == "Completed"
        assert "can't be loaded" not in log.read_text()
    finally:
        assert stack.stop() == 0
