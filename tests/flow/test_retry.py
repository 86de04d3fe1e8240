"""Attempts: what is tried again, and what each of them leaves."""

from pathlib import Path

import pytest

from retrain.client import ApiError, Client, LogText, NextAttempt
from tests.flow.local_stack import ended, job, no_compute_left, stdout

pytestmark = pytest.mark.xdist_group("stack")

AT_ONCE = {"initial": 0, "max": 0}


def test_an_exit_code_that_is_named_is_tried_again(client: Client) -> None:
    script = "echo attempt $RETRAIN_ATTEMPT; [ $RETRAIN_ATTEMPT = 2 ] || exit 75"
    retry = {"exit_codes": [75], "backoff": AT_ONCE}
    name = client.create_job(job(script, retry=retry))["name"]
    run = ended(client, name)
    assert (run["status"], run["attempt"]) == ("Completed", 2)
    assert stdout(client, name) == "attempt 2\n"
    assert no_compute_left(client)


def test_each_attempt_keeps_what_it_left(client: Client, tmp_path: Path) -> None:
    script = "echo $RETRAIN_ATTEMPT | tee outputs/which; [ $RETRAIN_ATTEMPT = 3 ] || exit 75"
    retry = {"exit_codes": [75], "backoff": AT_ONCE}
    name = client.create_job(job(script, retry=retry))["name"]
    run = ended(client, name)
    told = [(one["number"], one["cause"], one["exit_code"]) for one in run["attempts"]]
    assert told == [(1, "script", 75), (2, "script", 75), (3, "none", 0)]
    for number in (1, 2, 3):
        said = f"{number}\n".encode()
        assert client.logs(name, attempt=number) == (said, 2, True)
        client.download(name, tmp_path / str(number), attempt=number)
        assert (tmp_path / str(number) / "outputs" / "which").read_bytes() == said
    assert (client.logs(name).data, len(client.outputs(name))) == (b"3\n", 3)
    with pytest.raises(ApiError, match=f"There is no attempt '{name} 4'") as refused:
        client.outputs(name, attempt=4)
    assert refused.value.status == 404


def test_a_stream_tells_attempts_apart(client: Client) -> None:
    script = "echo attempt $RETRAIN_ATTEMPT; [ $RETRAIN_ATTEMPT = 2 ] || exit 75"
    retry = {"max_attempts": 2, "exit_codes": [75], "backoff": {"initial": 1, "max": 1}}
    name = client.create_job(job(script, retry=retry))["name"]
    items = [*client.follow(name)]
    logs = [one for one in items if isinstance(one, LogText)]
    said = [one.text for one in logs if one.file == "stdout.txt"]
    assert said == ["attempt 1\n", "attempt 2\n"]
    assert NextAttempt(2, 2) in items


def test_a_script_that_fails_is_not_tried_again(client: Client) -> None:
    run = ended(client, client.create_job(job("exit 75"))["name"])
    assert (run["status"], run["attempt"]) == ("Failed", 1)
    assert run["error"] is not None
    assert run["error"]["code"] == "ScriptFailed"


def test_a_timeout_is_tried_again_as_often_as_the_job_says(client: Client) -> None:
    retry = {"max_attempts": 2, "on": ["timeout"], "backoff": AT_ONCE}
    script = "echo attempt $RETRAIN_ATTEMPT; sleep 300"
    name = client.create_job(job(script, limits={"timeout": 1}, retry=retry))["name"]
    run = ended(client, name)
    assert (run["status"], run["attempt"]) == ("Failed", 2)
    assert run["error"] is not None
    assert (run["error"]["code"], "timeout after 1 s" in run["error"]["message"]) == (
        "Timeout",
        True,
    )
    assert stdout(client, name) == "attempt 2\n", "the log outlives the script"
    assert no_compute_left(client)
