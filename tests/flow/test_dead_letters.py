"""What can't be processed, on the whole stack: it holds nobody up, and can be dealt with."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from typer.testing import CliRunner, Result

from retrain.cli.app import app
from retrain.client import ApiError, Client
from retrain.client.records import DeadLetter
from tests.flow.local_stack import LocalStack, ended, eventually, job, no_compute_left

pytestmark = pytest.mark.xdist_group("dead letters")

GOOD = 20


@contextmanager
def bus(stack: LocalStack) -> Iterator[ServiceBusClient]:
    with ServiceBusClient.from_connection_string(stack.addresses["servicebus"]) as client:
        yield client


def send(stack: LocalStack, queue: str, message: ServiceBusMessage) -> None:
    with bus(stack) as client, client.get_queue_sender(queue) as sender:
        sender.send_messages(message)


def letters(client: Client, message_id: str) -> list[DeadLetter]:
    found = (one for one in client.list_dead_letters() if one["message_id"] == message_id)
    return list(found)


def given_up(client: Client, message_id: str) -> DeadLetter:
    found = eventually(lambda: letters(client, message_id))
    assert found, "it is still being tried"
    letter: DeadLetter = found[0]
    return letter


def counted(client: Client, count: int) -> bool:
    return bool(eventually(lambda: client.health().get("dead_letters") == count))


def test_poison_holds_no_other_run_up(stack: LocalStack, client: Client) -> None:
    """One message in the middle of twenty runs, at the head of a session and among the requests."""
    half = [client.create_job(job("true", display_name=f"a{n}"))["name"] for n in range(GOOD // 2)]
    send(
        stack, "run-events", ServiceBusMessage(b"\xff poison", session_id="nobody", message_id="p1")
    )
    send(stack, "training-requests", ServiceBusMessage(b'{"v": 99, "body": {}}', message_id="p2"))
    half += [client.create_job(job("true", display_name=f"b{n}"))["name"] for n in range(GOOD // 2)]
    assert [ended(client, name)["status"] for name in half] == ["Completed"] * GOOD
    first, second = given_up(client, "p1"), given_up(client, "p2")
    assert first["queue"] == "run-events"
    assert first["run"] == "nobody"
    assert (first["error"]["code"], second["error"]["code"]) == ("Malformed", "TooNew")
    assert "it is of a version above 1" in second["error"]["message"]
    assert first["reason"] == second["reason"] == "MaxDeliveryCountExceeded"
    assert first["deliveries"] == 10
    shown = client.get_dead_letter(first["id"])
    assert (shown["body"], shown["body_base64"]) == (None, "/yBwb2lzb24=")
    assert client.get_dead_letter(second["id"])["body"] == '{"v": 99, "body": {}}'
    assert no_compute_left(client)
    for letter in (first, second):
        client.drop_dead_letter(letter["id"])
        with pytest.raises(ApiError, match="no dead letter"):
            client.drop_dead_letter(letter["id"])
    assert letters(client, "p1") == letters(client, "p2") == []


def test_a_run_whose_event_is_poison_says_so_and_ends_by_itself(
    stack: LocalStack, client: Client, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    command = f"while [ ! -e {go_on} ]; do sleep 0.1; done"
    name = client.create_job(job(command))["name"]
    # As the record has it: nothing more is heard of the run until its script ends.
    assert eventually(lambda: name in {one["name"] for one in client.list_jobs(["Running"])})
    poison = ServiceBusMessage(b"{}", session_id=name, message_id=f"{name}-poison")
    send(stack, "run-events", poison)
    letter = given_up(client, f"{name}-poison")
    assert letter["run"] == name
    held_up = eventually(lambda: client.get_job(name).get("held_up"))
    assert held_up["code"] == "Malformed"
    assert held_up["message"].startswith("Something that happened to the run could not be")
    assert "`retrain dead-letters list` shows the message." in held_up["remedy"]
    go_on.touch()
    run = ended(client, name)
    assert run["status"] == "Completed"
    assert run["held_up"] is None
    client.drop_dead_letter(letter["id"])


def test_what_was_mended_is_sent_again(stack: LocalStack, client: Client) -> None:
    """A request that was given up while the app could not work on it."""
    name = client.create_job(job("true"))["name"]
    assert ended(client, name)["status"] == "Completed"
    with bus(stack) as connected:
        sender = connected.get_queue_sender("run-events")
        with sender:
            event = {"kind": "cancel_asked", "id": f"{name}-late", "at": "2026-07-10T10:00:00Z"}
            body = json.dumps({"v": 1, "run": name, "body": event}).encode()
            sender.send_messages(
                ServiceBusMessage(body, session_id=name, message_id=f"{name}-late-bad")
            )
            sender.send_messages(
                ServiceBusMessage(body[:-1], session_id=name, message_id=f"{name}-cut")
            )
    letter = given_up(client, f"{name}-cut")
    for again in (1, 2):
        sent = client.resubmit_dead_letter(letter["id"])
        assert sent == {"id": letter["id"], "message_id": f"{name}-cut-again-{again}"}
        letter = given_up(client, f"{name}-cut-again-{again}")  # it is as bad as before
        assert letter["resubmitted"] == again
    client.drop_dead_letter(letter["id"])
    assert letters(client, f"{name}-late-bad") == [], "a late event is no poison"


def test_health_tells_how_many_without_a_key(stack: LocalStack, client: Client) -> None:
    for letter in client.list_dead_letters():
        client.drop_dead_letter(letter["id"])
    assert counted(client, 0)
    send(stack, "training-requests", ServiceBusMessage(b"?", message_id=f"odd-{time.time()}"))
    assert counted(client, 1)
    answer = httpx.get(f"{stack.addresses['api']}/api/health", trust_env=False).json()
    assert answer["dead_letters"] == 1
    assert answer["dead_letters_counted_at"]
    (letter,) = client.list_dead_letters("training-requests")
    client.drop_dead_letter(letter["id"])
    assert counted(client, 0)


def retrain(*words: str) -> Result:
    return CliRunner().invoke(app, words)


@pytest.fixture
def two(stack: LocalStack, client: Client, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Ids of the two dead letters there are; the command line talks to the stack."""
    monkeypatch.setenv("RETRAIN_ENDPOINT", stack.addresses["api"])
    monkeypatch.setenv("RETRAIN_KEY", stack.addresses["key"])
    assert retrain("dead-letters", "drop", "--all").exit_code == 0
    assert retrain("dead-letters", "list").stdout == "No dead letters.\n"
    stamp = time.time()  # the queue remembers the ids it saw
    for number in (1, 2):
        poison = ServiceBusMessage(b"%d" % number, message_id=f"cli-{stamp}-{number}")
        send(stack, "training-requests", poison)
    first, second = (given_up(client, f"cli-{stamp}-{number}")["id"] for number in (1, 2))
    return first, second


def test_the_command_line_shows_them(client: Client, two: tuple[str, str]) -> None:
    first, second = two
    head, row, _ = retrain("dead-letters", "list").stdout.splitlines()
    assert head.split() == ["ID", "WHAT", "RUN", "SINCE", "WHY"]
    assert row.startswith(first)
    assert "can't be read" in row
    assert "Malformed: A training request can't be read: the whole: Input should be" in row
    assert counted(client, 2)
    hint = "Messages that could not be processed: 2; see `retrain dead-letters list`."
    assert hint in retrain("job", "list").stderr
    assert hint not in retrain("job", "list", "--json").stderr
    shown = retrain("dead-letters", "show", second).stdout
    assert "  deliveries   10\n" in shown
    assert shown.endswith("\nContent\n2\n")


def test_the_command_line_sends_again_and_drops(client: Client, two: tuple[str, str]) -> None:
    first, second = two
    was = [client.get_dead_letter(identity)["message_id"] for identity in two]
    sent = retrain("dead-letters", "resubmit", first, second)
    assert sent.stdout == f"Sent again: {first}\nSent again: {second}\n"
    again = {given_up(client, f"{identity}-again-1")["id"] for identity in was}
    listed = json.loads(retrain("dead-letters", "list", "--json").stdout)
    assert {one["id"] for one in listed} == again
    for words in (["drop"], ["drop", first, "--all"], ["resubmit", "--queue", "run-events"]):
        assert retrain("dead-letters", *words).exit_code == 2, words
    missing = retrain("dead-letters", "drop", first)
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert f"error: There is no dead letter '{first}'." in missing.stderr
    assert retrain("dead-letters", "drop", "--all", "--json").exit_code == 0
    assert "There are none." in retrain("dead-letters", "drop", "--all").stderr


def test_an_unknown_queue_is_refused(client: Client) -> None:
    with pytest.raises(ApiError, match="no queue 'orders'"):
        list(client.list_dead_letters("orders"))
