"""Looking for an image: against a real registry, with tokens that it really checks."""

import pytest
from azure.core.credentials import TokenCredential

from shared.azure.registry_login import USER
from shared.domain.errors import Refused, Transient
from tests.contract.registry.conftest import Cloud, Registries, lookup

REPOSITORY = "retrain/environment"


def test_an_open_registry_is_asked_without_a_token(
    registries: Registries, cloud: Cloud, identity: TokenCredential
) -> None:
    registries.push(REPOSITORY, "one")
    asking = lookup(registries.open, identity)
    assert asking.has(REPOSITORY, "one")
    assert not asking.has(REPOSITORY, "two")
    assert not asking.has("nothing/here", "one")
    assert cloud.asked == []


def test_a_guarded_one_is_asked_with_our_identity_s_token(
    registries: Registries, cloud: Cloud, identity: TokenCredential
) -> None:
    registries.push(REPOSITORY, "one")
    asking = lookup(registries.guarded, identity)
    assert asking.has(REPOSITORY, "one")
    assert not asking.has(REPOSITORY, "two")
    assert cloud.count("POST /oauth2/exchange") == 1, "tokens are remembered"
    assert cloud.count("POST /oauth2/token") == 1
    exchange = next(one for one in cloud.asked if one.what == "POST /oauth2/exchange")
    assert exchange.body["service"] == registries.guarded
    token = next(one for one in cloud.asked if one.what == "POST /oauth2/token")
    assert token.body["scope"] == f"repository:{REPOSITORY}:pull"


def test_a_token_without_the_right_is_refused_by_name(
    registries: Registries, cloud: Cloud, identity: TokenCredential
) -> None:
    cloud.actions = []
    with pytest.raises(Refused) as refused:
        lookup(registries.guarded, identity).has(REPOSITORY, "one")
    assert refused.value.code == "RegistryUnauthorized"
    assert registries.guarded in refused.value.message
    assert "AcrPull" in refused.value.remedy


def test_an_exchange_that_refuses_is_named(
    registries: Registries, cloud: Cloud, identity: TokenCredential
) -> None:
    cloud.answers["POST /oauth2/exchange"] = [(401, {"errors": [{"code": "UNAUTHORIZED"}]})]
    with pytest.raises(Refused, match=f"The registry {registries.guarded}"):
        lookup(registries.guarded, identity).has(REPOSITORY, "one")


def test_a_realm_of_another_host_never_sees_our_token(
    cloud: Cloud, identity: TokenCredential, registries: Registries
) -> None:
    asking = lookup(registries.guarded.replace("127.0.0.1", "localhost"), identity)
    with pytest.raises(Refused) as refused:
        asking.has(REPOSITORY, "one")
    assert refused.value.code == "RegistryNotAzure"
    assert cloud.asked == []


HEAD = f"HEAD /v2/{REPOSITORY}/manifests/one"
REFUSALS: dict[str, tuple[int, type[Exception], str]] = {
    "forbidden": (403, Refused, r"doesn't let us read retrain/environment \(403\)"),
    "throttled": (429, Transient, r"\(429\)"),
    "broken": (500, Transient, r"\(500\)"),
    "away": (503, Transient, r"\(503\)"),
}


@pytest.mark.parametrize(("status", "kind", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_registry_that_refuses_is_named_with_its_answer(
    cloud: Cloud, identity: TokenCredential, status: int, kind: type[Exception], words: str
) -> None:
    cloud.answers[HEAD] = [(status, {})] * 10
    server = f"127.0.0.1:{cloud.port}"
    with pytest.raises(kind, match=words) as refused:
        lookup(server, identity).has(REPOSITORY, "one")
    assert server in str(refused.value)


def test_a_short_outage_is_waited_out(cloud: Cloud, identity: TokenCredential) -> None:
    cloud.answers[HEAD] = [(503, {}), (429, {}), (200, {})]
    assert lookup(f"127.0.0.1:{cloud.port}", identity).has(REPOSITORY, "one")


def test_a_registry_that_is_not_there_is_unreachable(identity: TokenCredential) -> None:
    with pytest.raises(Transient) as away:
        lookup("127.0.0.1:9", identity).has(REPOSITORY, "one")
    assert away.value.code == "Unreachable"


def test_nodes_log_in_with_a_token_that_is_short_lived(
    cloud: Cloud, identity: TokenCredential
) -> None:
    login = lookup(f"127.0.0.1:{cloud.port}", identity).login
    assert (login.refresh(), login.refresh()) == ("refresh", "refresh")
    assert cloud.count("POST /oauth2/exchange") == 1
    assert USER.replace("0", "").replace("-", "") == ""
