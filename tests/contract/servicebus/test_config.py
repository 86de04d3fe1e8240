"""Config.json in the form of Microsoft's emulator; what is wrong in it is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from retrain.local.servicebus import ConfigError, read_config
from tests.contract.servicebus.emulator import write_config

#: The queue of Microsoft's own sample.
SAMPLE = {
    "DeadLetteringOnMessageExpiration": False,
    "DefaultMessageTimeToLive": "PT1H",
    "DuplicateDetectionHistoryTimeWindow": "PT20S",
    "ForwardDeadLetteredMessagesTo": "",
    "ForwardTo": "",
    "LockDuration": "PT1M",
    "MaxDeliveryCount": 3,
    "RequiresDuplicateDetection": False,
    "RequiresSession": False,
}


def test_microsofts_sample_is_read(tmp_path: Path) -> None:
    config = read_config(write_config(tmp_path, {"queue.1": SAMPLE}))
    assert [queue.name for queue in config.queues] == ["queue.1"]


def test_the_products_own_file_is_read() -> None:
    config = read_config(Path("retrain/local/queues.json"))
    assert [queue.name for queue in config.queues] == ["training-requests", "run-events"]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no duration": ({"LockDuration": "60"}, "LockDuration"),
    "a lock that is too long": ({"LockDuration": "PT6M"}, "LockDuration"),
    "a number as text": ({"MaxDeliveryCount": "many"}, "MaxDeliveryCount"),
    "no delivery at all": ({"MaxDeliveryCount": 0}, "MaxDeliveryCount"),
    "no truth value": ({"RequiresSession": "perhaps"}, "RequiresSession"),
    "a typing error": ({"RequireSession": True}, "RequireSession"),
}


@pytest.mark.parametrize(("terms", "field"), WRONG.values(), ids=WRONG)
def test_a_wrong_property_is_named(tmp_path: Path, terms: dict[str, Any], field: str) -> None:
    path = write_config(tmp_path, {"q": terms})
    with pytest.raises(ConfigError, match=field) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_two_queues_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?i)queue"):
        read_config(write_config(tmp_path, {"same": {}, "SAME": {}}))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", json.dumps({"UserConfig": {"Namespaces": 3}})]
)
def test_no_config_at_all(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Config.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"Config\.json"):
        read_config(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json"):
        read_config(tmp_path / "none.json")
