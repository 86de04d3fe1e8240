"""The retry policy of a job: what is taken, what is refused, and how long it waits."""

import json
from typing import Any

import pytest

from shared import wire
from shared.jobs import InvalidDocument, dump, parse_job
from shared.jobs.retry import Backoff, Retry
from tests.factories import a_document, a_job, a_run


def test_a_job_that_says_nothing_is_tried_again_when_a_node_failed() -> None:
    retry = a_job().retry
    assert (retry.max_attempts, retry.on, retry.exit_codes) == (3, ["infrastructure"], [])
    assert [retry.backoff.seconds(n) for n in range(1, 6)] == [15, 60, 240, 300, 300]


def test_what_is_written_is_kept() -> None:
    written = {
        "max_attempts": 10,
        "on": ["timeout", "infrastructure", "timeout"],
        "exit_codes": [75, 70, 75],
        "backoff": {"initial": 0, "factor": 1.5, "max": 86_400},
    }
    job = a_job(retry=written)
    assert job.retry.on == ["infrastructure", "timeout"]
    assert job.retry.exit_codes == [70, 75]
    assert parse_job(dump(job)) == job
    assert wire.decode_run(wire.encode_run(a_run(job=job))).job == job


#: The policy, what failed, and whether it is tried again.
COVERED: dict[str, tuple[dict[str, Any], str, int | None, bool]] = {
    "node, nothing said": ({}, "infrastructure", None, True),
    "timeout, nothing said": ({}, "timeout", None, False),
    "script, nothing said": ({}, "script", 1, False),
    "configuration, all said": (
        {"on": ["infrastructure", "timeout", "script"]}, "configuration", None, False,
    ),
    "script": ({"on": ["script"]}, "script", 1, True),
    "node, not named": ({"on": ["script"]}, "infrastructure", None, False),
    "timeout": ({"on": ["timeout"]}, "timeout", None, True),
    "this exit code": ({"exit_codes": [75]}, "script", 75, True),
    "another exit code": ({"exit_codes": [75]}, "script", 1, False),
    "an exit code that nobody told": ({"exit_codes": [75]}, "script", None, False),
    "node, beside exit codes": ({"exit_codes": [75]}, "infrastructure", None, True),
    "exit codes alone": ({"on": [], "exit_codes": [75]}, "infrastructure", None, False),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "cause", "code", "again"), COVERED.values(), ids=COVERED)
def test_which_failures_are_tried_again(
    policy: dict[str, Any], cause: str, code: int | None, again: bool
) -> None:
    assert Retry(**policy).covers(cause, code) is again


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        ({"max_attempts": 0}, "retry.max_attempts: must be at least 1"),
        ({"max_attempts": 11}, "retry.max_attempts"),
        ({"max_attempts": "3"}, "retry.max_attempts: must be a whole number"),
        ({"attempts": 3}, "retry.attempts: unknown field; did you mean 'max_attempts'?"),
        ({"on": ["failure"]}, "retry.on[0]"),
        ({"on": "script"}, "retry.on: must be a list"),
        ({"on": []}, "retry: nothing is tried again; write `max_attempts: 1`"),
        ({"on": ["script"], "exit_codes": [1]}, "retry: `script` stands for every exit code"),
        ({"exit_codes": [0]}, "retry.exit_codes[0]"),
        ({"exit_codes": [256]}, "retry.exit_codes[0]"),
        ({"backoff": {"initial": 600}}, "retry.backoff: `initial`, 600, is more than `max`, 300"),
        ({"backoff": {"factor": 0.5}}, "retry.backoff.factor"),
        ({"backoff": {"factor": float("nan")}}, "retry.backoff.factor"),
        ({"backoff": {"max": 86_401}}, "retry.backoff.max"),
        ({"backoff": 5}, "retry.backoff"),
        (3, "retry: must be a mapping"),
    ],
)
def test_what_is_refused(policy: object, says: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job(a_document(retry=policy))
    assert says in str(refused.value)


def test_waits_stay_within_their_bound() -> None:
    steep = Backoff(initial=1, factor=10, max=86_400)
    assert [steep.seconds(n) for n in (1, 2, 5, 6, 9)] == [1, 10, 10_000, 86_400, 86_400]


def test_a_record_without_a_policy_has_the_defaults() -> None:
    """Those of before had the number of attempts on the run, and no word of it in the job."""
    record = json.loads(wire.encode_run(a_run()))
    assert "retry" not in record["body"]["job"], "else the Retrain of before refuses the record"
    record["body"]["max_attempts"] = 3
    for new in ("attempts", "requeues"):
        del record["body"][new]
    run = wire.decode_run(json.dumps(record).encode())
    assert (run.max_attempts, run.job.retry, run.attempts) == (3, Retry(), ())
