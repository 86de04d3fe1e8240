"""Code travels once: Azurite's own log says that a second submit writes none."""

import asyncio
from pathlib import Path

import pytest

from retrain import Client, Environment, command
from retrain.local.azurite import access_log, server
from retrain.local.stack import Ports, StackOptions, running

pytestmark = pytest.mark.xdist_group("code-stack")


def test_a_second_submit_of_the_same_code_writes_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def listen(line: str) -> access_log.Request | None:
        request = access_log.parse(line)
        if request and request.method == "PUT" and request.container == "snapshots":
            written.append(f"{request.blob} {request.status}")
        return request

    monkeypatch.setattr(server, "parse", listen)
    code = tmp_path / "src"
    code.mkdir()
    (code / "train.py").write_text("print('trained')")

    async def submit_twice() -> list[list[str]]:
        ports = Ports(api=0, blob=0, servicebus=0, batch=0, images=0)
        options = StackOptions(data=tmp_path / "stack", ports=ports, engine="none")
        async with running(options) as stack:

            def submit() -> str:
                job = command(
                    command="python train.py",
                    code=code,
                    environment=Environment(image="python:3.11-slim"),
                )
                with Client(stack.addresses["api"], stack.addresses["key"]) as client:
                    return client.jobs.create_or_update(job).wait().logs()

            seen = []
            for _ in range(2):
                assert await asyncio.to_thread(submit) == "trained\n"
                seen.append([*written])
            return seen

    first, second = asyncio.run(submit_twice())
    assert len([one for one in first if one.endswith(" 201") and ".zip" in one]) == 1
    assert second == first
