"""The API against its own OpenAPI document: whatever is sent, no answer is a 5xx, and each error
says what to do. On a stack of its own, since some of what is sent takes everything down.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok

from tests.flow.local_stack import LocalStack, running_stack

pytestmark = [pytest.mark.xdist_group("api-fuzz"), pytest.mark.timeout(900)]

EXAMPLES: Final = 12  # right ones and wrong ones, of each operation
FEW: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,  # new cases are not for whoever changed a comment
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("fuzzed")) as started:
        yield started


def operations(stack: LocalStack) -> Iterator[Any]:
    headers = {"x-functions-key": stack.addresses["key"]}
    address = f"{stack.addresses['api']}/api/openapi.json"
    found = schemathesis.openapi.from_url(address, headers=headers)
    for result in found.get_all_operations():
        assert isinstance(result, Ok), result  # else the document itself is wrong
        yield result.ok()


def test_nothing_that_is_sent_breaks_it(own_stack: LocalStack) -> None:
    headers = {"x-functions-key": own_stack.addresses["key"]}
    broken: dict[str, str] = {}
    sent = 0

    def send(case: Any) -> None:
        nonlocal sent
        sent += 1
        answer = case.call(headers=headers, timeout=60, allow_redirects=False)
        if wrong := _wrong(answer):
            said = f"{case.method} {case.formatted_path}: {wrong}\n{case.body!r:.500}"
            broken.setdefault(f"{case.method} {case.path} {wrong[:3]}", said)

    met = 0
    for operation in operations(own_stack):
        met += 1
        for mode in schemathesis.GenerationMode:
            with suppress(Unsatisfiable):  # of some, nothing can be wrong
                FEW(given(case=operation.as_strategy(generation_mode=mode))(send))()
    assert met > 40
    assert sent > met * EXAMPLES
    assert not broken, "\n\n".join(broken.values())


def _wrong(answer: Any) -> str:
    """What must not be said; "" for an answer that may stand."""
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text:.300}"
    if answer.status_code >= 400:
        error = answer.json().get("error", {})
        if not error.get("code") or not error.get("message") or "Traceback" in answer.text:
            return f"no clear error: {answer.status_code} {answer.text:.300}"
    return ""
