"""Queues, made, looked at, changed and deleted by the SDK's administration clients."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.management import AuthorizationRule

from tests.contract.servicebus.emulator import Emulator

pytestmark = pytest.mark.xdist_group("servicebus admin queues")

#: A term that is not the default, for every one that there is.
TERMS: dict[str, Any] = {
    "auto_delete_on_idle": timedelta(hours=1),
    "dead_lettering_on_message_expiration": True,
    "default_message_time_to_live": timedelta(days=14, hours=1, minutes=2, seconds=3.5),
    "duplicate_detection_history_time_window": timedelta(minutes=5),
    "enable_batched_operations": False,
    "enable_express": True,
    "enable_partitioning": True,
    "lock_duration": timedelta(seconds=20.5),
    "max_delivery_count": 3,
    "max_size_in_megabytes": 2048,
    "requires_duplicate_detection": True,
    "requires_session": True,
    "user_metadata": "<made> & 'ümlaut'",
    "max_message_size_in_kilobytes": 1024,
    "status": "SendDisabled",
}
FOREVER = timedelta(days=10675199)
DEFAULTS: dict[str, Any] = {
    "dead_lettering_on_message_expiration": False,
    "duplicate_detection_history_time_window": timedelta(minutes=10),
    "enable_batched_operations": True,
    "lock_duration": timedelta(minutes=1),
    "max_delivery_count": 10,
    "max_size_in_megabytes": 1024,
    "requires_duplicate_detection": False,
    "requires_session": False,
    "status": "Active",
    "forward_to": None,
    "user_metadata": None,
    "availability_status": "Available",
}


def seen(properties: Any, terms: dict[str, Any]) -> dict[str, Any]:
    return {key: getattr(properties, key) for key in terms}


def test_a_queue_of_defaults(admin: Any, name: str) -> None:
    made = admin.create_queue(name)
    assert seen(made, DEFAULTS) == DEFAULTS
    assert made.default_message_time_to_live > FOREVER
    assert made.auto_delete_on_idle > FOREVER
    assert admin.get_queue(name) == made


def test_a_queue_with_everything(admin: Any, name: str) -> None:
    assert seen(admin.create_queue(name, **TERMS), TERMS) == TERMS
    assert seen(admin.get_queue(name), TERMS) == TERMS


def test_forwarding(admin: Any, emulator: Emulator, name: str) -> None:
    admin.create_queue(f"{name}-2")
    made = admin.create_queue(
        name, forward_to=f"{name}-2", forward_dead_lettered_messages_to=f"{name}-2"
    )
    target = f"sb://127.0.0.1:{emulator.server.port}/{name}-2"
    assert (made.forward_to, made.forward_dead_lettered_messages_to) == (target, target)
    made.forward_to = None
    admin.update_queue(made)
    changed = admin.get_queue(name)
    assert (changed.forward_to, changed.forward_dead_lettered_messages_to) == (None, target)


def test_keys_of_a_queue(admin: Any, name: str) -> None:
    rule = AuthorizationRule(
        type="SharedAccessAuthorizationRule",
        key_name="sender",
        rights=["Send"],
        primary_key="cHJpbWFyeQ==",
        secondary_key="c2Vjb25kYXJ5",
    )
    admin.create_queue(name, authorization_rules=[rule])
    (found,) = admin.get_queue(name).authorization_rules
    assert (found.key_name, found.rights) == ("sender", ["Send"])
    assert (found.primary_key, found.secondary_key) == (rule.primary_key, rule.secondary_key)


def test_a_change_replaces_what_can_change(admin: Any, name: str) -> None:
    queue = admin.create_queue(name, lock_duration="PT30S", requires_session=True)
    queue.lock_duration = timedelta(seconds=10)
    queue.max_delivery_count = 2
    admin.update_queue(queue, user_metadata="changed")
    changed = admin.get_queue(name)
    assert (changed.lock_duration, changed.max_delivery_count) == (timedelta(seconds=10), 2)
    assert (changed.user_metadata, changed.requires_session) == ("changed", True)
    admin.update_queue({**dict(changed.items()), "lock_duration": "PT2M"})  # as a mapping
    assert admin.get_queue(name).lock_duration == timedelta(minutes=2)


def test_deleted_is_gone(admin: Any, name: str) -> None:
    admin.create_queue(name)
    admin.delete_queue(name)
    with pytest.raises(ResourceNotFoundError):
        admin.get_queue(name)
    with pytest.raises(ResourceNotFoundError):
        admin.delete_queue(name)
    admin.create_queue(name)


def test_names_are_whatever_is_allowed(admin: Any, name: str) -> None:
    for odd in (f"{name}/in/folders", f"{name}.~_-x", f"{name}UPPER"):
        assert admin.create_queue(odd).name == odd
        assert admin.get_queue(odd.lower()).max_delivery_count == 10
        admin.delete_queue(odd)


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "an illegal character": ("a queue!", {}),
    "a name too long": ("q" * 261, {}),
    "a slash at the end": ("queue/", {}),
    "a lock too long": ("q", {"lock_duration": timedelta(days=25)}),
    "a duration that is none": ("q", {"lock_duration": "PT"}),
    "no deliveries": ("q", {"max_delivery_count": 0}),
    "a status that nothing can be given": ("q", {"status": "Renaming"}),
    "idle too short": ("q", {"auto_delete_on_idle": "PT1S"}),
    "forwarding to nowhere": ("q", {"forward_to": "nowhere"}),
    "too much metadata": ("q", {"user_metadata": "x" * 1025}),
}


@pytest.mark.parametrize(("queue", "terms"), REFUSED.values(), ids=REFUSED)
def test_what_can_not_be(admin: Any, queue: str, terms: dict[str, Any]) -> None:
    with pytest.raises(HttpResponseError, match="SubCode=40000") as refused:
        admin.create_queue(queue, **terms)
    assert refused.value.status_code == 400
    assert refused.value.model
    assert refused.value.model.code == 400


def test_a_setting_is_named_as_the_service_names_it(admin: Any, name: str) -> None:
    with pytest.raises(HttpResponseError, match=f"LockDuration of '{name}' must be .* PT5M"):
        admin.create_queue(name, lock_duration=timedelta(minutes=6))


def test_what_can_not_change(admin: Any, name: str) -> None:
    queue = admin.create_queue(name)
    for term in ("requires_session", "requires_duplicate_detection", "enable_partitioning"):
        with pytest.raises(HttpResponseError, match="cannot be changed"):
            admin.update_queue(queue, **{term: True})
    queue.name = f"{name}-nowhere"
    with pytest.raises(ResourceNotFoundError):
        admin.update_queue(queue)


def test_a_name_is_taken_once(admin: Any, name: str) -> None:
    admin.create_queue(name)
    with pytest.raises(ResourceExistsError):
        admin.create_queue(name.upper())
    with pytest.raises(ResourceExistsError):
        admin.create_topic(name)


def test_lists_come_in_pages(admin: Any, name: str) -> None:
    names = [f"{name}-{number}" for number in range(7)]
    for each in names:
        admin.create_queue(each)
    for size in (1, 3, 7, 100, 1000):
        found = [each.name for each in admin.list_queues(max_page_size=size)]
        assert [each for each in found if each in names] == names
        assert found == sorted(found)
    counted = admin.list_queues_runtime_properties(max_page_size=2)
    assert [each.name for each in counted if each.name in names] == names
    assert len(admin.list_queues(start_index=2)) == len(admin.list_queues()) - 2
    assert admin.list_queues(start_index=10_000) == []
    for wrong in ({"start_index": -1}, {"max_page_size": -1}):
        with pytest.raises(HttpResponseError, match="non-negative"):
            admin.list_queues(**wrong)


def test_what_it_holds(admin: Any, emulator: Emulator, name: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    admin.create_queue(name)
    assert admin.get_queue_runtime_properties(name).total_message_count == 0
    later = datetime.now(UTC) + timedelta(hours=1)
    with ServiceBusClient.from_connection_string(emulator.connection_string) as client:
        with client.get_queue_sender(name) as sender:
            sender.send_messages([ServiceBusMessage(b"x" * 1000) for _ in range(3)])
            sender.schedule_messages([ServiceBusMessage("later")], later)
        with client.get_queue_receiver(name) as receiver:
            (first,) = receiver.receive_messages(1, max_wait_time=5)
            receiver.dead_letter_message(first, "no reason")
    found = admin.get_queue_runtime_properties(name)
    assert (found.active_message_count, found.dead_letter_message_count) == (2, 1)
    assert (found.scheduled_message_count, found.total_message_count) == (1, 4)
    assert (found.transfer_message_count, found.transfer_dead_letter_message_count) == (0, 0)
    assert found.size_in_bytes >= 3000
    assert before <= found.created_at_utc <= found.accessed_at_utc <= datetime.now(UTC)
    assert found.updated_at_utc == found.created_at_utc
