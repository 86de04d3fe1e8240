"""A YAML scalar as text, number, boolean or null; the same rules for files and for `--set`."""

from functools import cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode

_TAG = "tag:yaml.org,2002:"
#: Resolved by YAML, but text here: a date has no type in JSON.
_TEXT = {f"{_TAG}{kind}" for kind in ("str", "timestamp", "value", "merge")}
_CONSTRUCTED = {f"{_TAG}{kind}" for kind in ("int", "float", "bool", "null")}
#: No number, boolean, null or anything else but text begins with one of these.
_OF_TEXT = frozenset("abcdeghijklmpqrsuvwxzABCDEGHIJKLMPQRSUVWXZ_/${(,;:@*")


@cache
def _yaml() -> YAML:
    """For its rules about scalars only; it reads nothing, so it keeps nothing."""
    return YAML(typ="safe", pure=True)


class Unreadable(ValueError):
    """A scalar with a tag of its own, or a number that Python can't hold."""


def scalar(node: ScalarNode) -> Any:
    """The value of a resolved node. Raises Unreadable."""
    tag = node.tag or f"{_TAG}str"
    if tag in _TEXT:
        return node.value
    if tag not in _CONSTRUCTED:
        raise Unreadable(f"the tag {tag.replace(_TAG, '!!')} is not supported")
    try:
        construct = getattr(_yaml().constructor, f"construct_yaml_{tag[len(_TAG) :]}")
        return construct(node)
    except (ValueError, LookupError, YAMLError):
        raise Unreadable(f"'{node.value[:40]}' can't be read as {tag[len(_TAG) :]}") from None


def scalar_from_text(text: str) -> Any:
    """What a bare `name: <text>` would be; in quotes it is text, and so is what is no scalar.

    Empty text is empty text (in YAML it would be null). Raises Unreadable.
    """
    if not text:
        return ""
    if text[0] in "'\"":
        return _quoted(text)
    return plain_scalar(text)


def plain_scalar(text: str) -> Any:
    """What this text without quotes stands for in a file; empty text is null. Raises Unreadable."""
    if text and text[0] in _OF_TEXT:
        return text
    tag = _yaml().resolver.resolve(ScalarNode, text, (True, False))
    return scalar(ScalarNode(tag, text))


def _quoted(text: str) -> str:
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except YAMLError:
        raise Unreadable(f"the quotes in {text} do not match") from None
    if not isinstance(node, ScalarNode):
        raise Unreadable(f"the quotes in {text} do not match")
    return str(node.value)
