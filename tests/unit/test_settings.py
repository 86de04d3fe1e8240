"""What is set from outside is read once, and all that is missing is said at once."""

from dataclasses import fields

import pytest

from shared import settings
from shared.domain.ledger import Limits
from shared.settings import BadSetting, MissingSettings, Settings

LEAST = {
    "RETRAIN_STORAGE": "UseDevelopmentStorage=true",
    "RETRAIN_SERVICEBUS": "Endpoint=sb://127.0.0.1",
    "RETRAIN_BATCH": "http://127.0.0.1:1",
}


def test_three_are_enough() -> None:
    assert settings.read(LEAST) == Settings(
        storage="UseDevelopmentStorage=true",
        servicebus="Endpoint=sb://127.0.0.1",
        batch="http://127.0.0.1:1",
    )


def test_each_field_is_a_variable() -> None:
    names = [field.name for field in fields(Settings)]
    read = settings.read({f"RETRAIN_{name.upper()}": name for name in names})
    assert read == Settings(**{name: name for name in names})
    assert len(names) <= 20


def test_an_identity_is_read_as_the_runtime_keeps_it() -> None:
    read = settings.read(
        {
            "RETRAIN_STORAGE__blobServiceUri": "https://x.blob.core.windows.net",
            "RETRAIN_SERVICEBUS__fullyQualifiedNamespace": "x.servicebus.windows.net",
            "RETRAIN_BATCH": "https://x.batch.azure.com",
        }
    )
    assert read.storage == "https://x.blob.core.windows.net"
    assert read.servicebus == "x.servicebus.windows.net"


@pytest.mark.parametrize("empty", [{}, {"RETRAIN_STORAGE": "", "RETRAIN_BATCH": ""}])
def test_all_that_is_missing_is_named_at_once(empty: dict[str, str]) -> None:
    with pytest.raises(MissingSettings) as caught:
        settings.read(empty)
    assert "RETRAIN_STORAGE, RETRAIN_SERVICEBUS, RETRAIN_BATCH" in caught.value.message
    assert "retrain up" in caught.value.remedy


def test_in_azure_scripts_reach_the_app_by_its_host_name() -> None:
    azure = LEAST | {"WEBSITE_HOSTNAME": "x.azurewebsites.net"}
    assert settings.read(azure).url == "https://x.azurewebsites.net"
    assert settings.read(azure | {"RETRAIN_URL": "https://own"}).url == "https://own"
    assert settings.read(LEAST).url == ""


def chosen(nodes: str = "", hours: str = "") -> Settings:
    more = {"RETRAIN_MAX_NODES": nodes, "RETRAIN_MAX_NODE_HOURS_A_DAY": hours}
    return settings.read(LEAST | more)


def test_limits_are_numbers_or_none() -> None:
    assert settings.limits(chosen()) == Limits()
    assert not settings.limits(chosen())
    assert settings.limits(chosen("8", " 40.5 ")) == Limits(nodes=8, node_hours=40.5)


@pytest.mark.parametrize("wrong", ["0", "-1", "2.5", "many", "²", "1e3"])
def test_a_limit_that_is_none_is_said(wrong: str) -> None:
    with pytest.raises(BadSetting, match=f"RETRAIN_MAX_NODES is '{wrong}'"):
        settings.limits(chosen(nodes=wrong))
    if wrong != "2.5":
        with pytest.raises(BadSetting, match="RETRAIN_MAX_NODE_HOURS_A_DAY"):
            settings.limits(chosen(hours=wrong))


PLACES = {
    "https://acme.westeurope.batch.azure.com": ("westeurope", False),
    "acme.westeurope.batch.azure.com": ("westeurope", False),
    "https://batch.example.com": ("", False),
    "http://127.0.0.1:20000": ("", True),
    "http://localhost:1": ("", True),
    "http://[::1]:1": ("", True),
}


@pytest.mark.parametrize(("batch", "place"), PLACES.items(), ids=PLACES)
def test_where_nodes_are(batch: str, place: tuple[str, bool]) -> None:
    read = settings.read(LEAST | {"RETRAIN_BATCH": batch})
    assert (read.region, read.local) == place
