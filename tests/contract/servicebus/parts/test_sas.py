"""Shared access signatures: made as the SDK makes them, and judged."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.local.servicebus.errors import Unauthorized
from retrain.local.servicebus.sas import ALL, DEFAULT_KEY, Key, Keys, Right, path_of
from tests.contract.servicebus import tokens

KEYS = Keys((DEFAULT_KEY, Key("worker", "b3RoZXI=", frozenset({Right.SEND}))))
NOW = 1_800_000_000.0


def token(resource: str, key: Key = DEFAULT_KEY, until: float = NOW + 60) -> str:
    return tokens.token(resource, key, until=until)


GOOD = {
    "of the namespace": ("https://127.0.0.1:5672", "orders"),
    "with a slash at its end": ("sb://localhost/", "orders"),
    "of the queue": ("sb://localhost/orders", "orders"),
    "whatever the case": ("sb://localhost/ORDERS", "orders"),
    "of what is above": ("amqps://host/news", "news/subscriptions/all"),
    "with a slash in its name": ("sb://localhost/a/b", "a/b"),
    "with a plus": ("sb://localhost/b+c", "b+c"),
    "of a request's URL": ("https://localhost:5672/a%2fb?api-version=2021-05", "a/b"),
    "without a scheme": ("localhost:5672/orders", "orders"),
}


@pytest.mark.parametrize(("resource", "path"), GOOD.values(), ids=GOOD)
def test_a_token_holds_for_its_resource_and_below(resource: str, path: str) -> None:
    grant = KEYS.verify(token(resource), path, NOW)
    assert (grant.rights, grant.until) == (ALL, NOW + 60)


BAD = {
    "another queue": (token("sb://localhost/orders"), "InvalidAudience"),
    "a queue whose name goes on": (token("sb://localhost/que"), "InvalidAudience"),
    "what is below": (token("sb://localhost/queue/$management"), "InvalidAudience"),
    "ended": (token("sb://localhost/queue", until=NOW), "ExpiredToken.*2027-01-15 08:00:00Z"),
    "a wrong key": (token("sb://h/queue", Key("worker", "x")), "InvalidSignature"),
    "an unknown key": (token("sb://h/queue", Key("nobody", "x")), "InvalidSignature"),
    "a later end": (token("sb://h/queue").replace("se=1800000060", "se=1900000000"), "Signature"),
    "another resource": (token("sb://h/queue").replace("queue", "other"), "InvalidSignature"),
    "of Entra ID": ("eyJ0eXAiOiJKV1QifQ.e30.c2ln", "InvalidToken.*--allow-any-token"),
    "a bearer's": ("Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln", "InvalidToken"),
    "nothing": ("", "InvalidToken"),
    "without fields": ("SharedAccessSignature", "MalformedToken"),
    "without a signature": (token("sb://h/queue").replace("sig=", "gis="), "MalformedToken"),
    "no time": ("SharedAccessSignature sr=x&sig=y&se=soon&skn=worker", "MalformedToken"),
    "a time too large": (f"SharedAccessSignature sr=x&sig=y&se={'9' * 99}&skn=w", "Malformed"),
}


@pytest.mark.parametrize(("bad", "reason"), BAD.values(), ids=BAD)
def test_a_token_that_does_not_hold(bad: str, reason: str) -> None:
    with pytest.raises(Unauthorized, match=reason):
        KEYS.verify(bad, "queue", NOW)


@given(st.text(), st.text())
def test_any_text_is_a_token_or_refused(text: str, path: str) -> None:
    for bad in (text, f"SharedAccessSignature {text}", f"SharedAccessSignature sr={text}&se=1"):
        with pytest.raises(Unauthorized):
            KEYS.verify(bad, path, time.time())


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_resource_is_signed_whatever_is_in_it(name: str) -> None:
    resource = f"sb://localhost/{name}"
    assert KEYS.verify(token(resource), path_of(resource), NOW).rights == ALL


KEY_FORMS = {
    "all rights": ("root=c2VjcmV0", Key("root", "c2VjcmV0")),
    "with = in the value": ("root=c2Vjcg==", Key("root", "c2Vjcg==")),
    "one": ("reader:Listen=x", Key("reader", "x", frozenset({Right.LISTEN}))),
    "two": ("w:send, LISTEN=x", Key("w", "x", frozenset({Right.SEND, Right.LISTEN}))),
    "managing is all": ("m:Manage=x", Key("m", "x")),
}


@pytest.mark.parametrize(("text", "key"), KEY_FORMS.values(), ids=KEY_FORMS)
def test_keys_as_options(text: str, key: Key) -> None:
    assert Key.parse(text) == key


@pytest.mark.parametrize("text", ["", "x", "x=", "=x", "a b=x", "x:=y", "x:Sing=y", "x=a;b"])
def test_no_keys(text: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Key.parse(text)


def test_a_namespace_has_a_key() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        Keys(())


def test_names_of_keys_are_unique() -> None:
    with pytest.raises(ValueError, match="Worker"):
        Keys((Key("worker", "x"), Key("Worker", "y")))
