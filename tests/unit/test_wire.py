"""What is sent is what is read; what can't be read is Malformed and nothing else."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import wire
from shared.domain.events import Event
from shared.domain.run import Run, Source
from shared.domain.status import Status
from shared.domain.transitions import advance
from tests.factories import RUN, a_job, a_job_to_build, a_request, a_run
from tests.unit.domain.histories import events

A_FULL_JOB: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/commandJob.schema.json",
    "display_name": "größer",
    "code": f"azureml://datastores/workspaceworkingdirectory/paths/{'a' * 64}.zip",
    "command": "python train.py --rate ${{inputs.rate}} $[[--label ${{inputs.label}}]]",
    "inputs": {
        "rate": 0.1,
        "rows": {"type": "number", "default": 2},
        "label": {"type": "string", "optional": True},
        "wine": {"type": "uri_file", "path": "azureml://datastores/workspaceblobstore/paths/w.csv"},
    },
    "outputs": {"model": None},
    "environment_variables": {"X": "it's $(here)\n"},
    "limits": {"timeout": 60},
    "tags": {"year": "2026"},
}
DECODERS: dict[str, Callable[[bytes], object]] = {
    "request": wire.decode_request,
    "event": wire.decode_event,
    "run": wire.decode_run,
}


@given(events)
def test_an_event_comes_back(event: Event) -> None:
    assert wire.decode_event(wire.encode_event(RUN, event)) == (RUN, event)


@settings(deadline=None)
@given(
    st.sampled_from((a_run(), a_run(job=a_job(**A_FULL_JOB)), a_run(job=a_job_to_build()))),
    st.lists(events, max_size=8),
)
def test_a_run_comes_back(run: Run, history: list[Event]) -> None:
    for event in history:
        run = advance(run, event).run
    assert wire.decode_run(wire.encode_run(run)) == run


@pytest.mark.parametrize("status", Status)
def test_a_run_comes_back_in_every_status(status: Status) -> None:
    source = Source(kind="data", schedule="wine", path="wine/ä.csv")
    run = a_run(status, job=a_job(**A_FULL_JOB), source=source)
    assert wire.decode_run(wire.encode_run(run)) == run


def test_a_request_comes_back() -> None:
    request = a_request(job=a_job(**A_FULL_JOB))
    assert wire.decode_request(wire.encode_request(request)) == request


@given(events)
def test_no_message_has_members_that_the_host_would_take_for_metadata(event: Event) -> None:
    """It overwrites the trigger's metadata with top-level members, whatever their case."""
    assert json.loads(wire.encode_event(RUN, event)).keys() == {"v", "run", "body"}
    assert json.loads(wire.encode_request(a_request())).keys() == {"v", "body"}
    assert json.loads(wire.encode_run(a_run())).keys() == {"v", "body"}


@pytest.mark.parametrize("decode", DECODERS.values(), ids=DECODERS)
@pytest.mark.parametrize("version", [wire.VERSION + 1, 0, "x", None])
def test_another_version_is_refused(decode: Callable[[bytes], object], version: object) -> None:
    message = json.loads(wire.encode_run(a_run())) | {"v": version}
    with pytest.raises(wire.Malformed, match=r"v: |a version above 1"):
        decode(json.dumps(message).encode())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from(list(DECODERS.values())), st.binary(max_size=200))
def test_bytes_that_are_no_message_are_malformed(
    decode: Callable[[bytes], object], body: bytes
) -> None:
    with pytest.raises(wire.Malformed):
        decode(body)


@settings(deadline=None, max_examples=60)
@given(st.data(), json_values)
def test_a_message_with_one_member_changed_is_read_or_malformed(
    data: st.DataObject, value: object
) -> None:
    whole = json.loads(wire.encode_run(a_run(Status.RUNNING, job=a_job(**A_FULL_JOB))))
    place, depth = whole, data.draw(st.integers(1, 5))
    for level in range(depth):
        key = data.draw(st.sampled_from(sorted(place)))
        if level == depth - 1 or not isinstance(place[key], dict) or not place[key]:
            place[key] = value
            break
        place = place[key]
    with suppress(wire.Malformed):
        wire.decode_run(json.dumps(whole).encode())


def test_deep_nesting_is_malformed() -> None:
    with pytest.raises(wire.Malformed):
        wire.decode_run(b'{"v":1,"body":' + b"[" * 100_000)


def test_it_says_where() -> None:
    message = json.loads(wire.encode_request(a_request()))
    message["body"]["source"]["kind"] = "carrier pigeon"
    with pytest.raises(wire.Malformed, match=r"body\.source\.kind") as caught:
        wire.decode_request(json.dumps(message).encode())
    assert "dead-letter" in caught.value.remedy
