"""The kinds of text that fields hold. All of them can become an environment variable or JSON."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from shared.jobs.problems import refusal

#: A single environment string may have 131,072 bytes on Linux; what becomes one stays well below.
MAX_VALUE_BYTES = 32_768
#: Of a mapping whose names are the user's own: inputs, outputs, tags, variables.
MOST_ENTRIES = 1_000
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def clean(text: str) -> str:
    """The text, unless no process could be given it. Refuses NUL, lone surrogates, over 32 KiB."""
    if "\0" in text:
        raise refusal("contains a NUL character", "remove it: no variable or file name can hold it")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise refusal("contains half a surrogate pair", "write the whole character") from None
    if size > MAX_VALUE_BYTES:
        raise refusal(
            f"is {size:,} bytes long; {MAX_VALUE_BYTES:,} is the most",
            "put it in a file and give the file as an input",
        )
    return text


def _not_empty(text: str) -> str:
    if not text:
        raise refusal("is empty", "write something, or leave the field out")
    return text


def variable_name(name: str) -> str:
    """The name, when it can be (the end of) a shell variable's name: letters, digits, _; <= 128."""
    if not _VARIABLE.fullmatch(name):
        raise refusal(
            f"'{name}' can't be a variable's name",
            "use letters, digits and _, not starting with a digit",
        )
    return name


def identifier(name: str) -> str:
    """The name of a job or schedule: 1 to 64 letters, digits, - and _, no - or _ in front."""
    if not _IDENTIFIER.fullmatch(name):
        raise refusal(
            f"'{name}' can't be a name",
            "use 1 to 64 letters, digits, - and _, beginning with a letter or digit",
        )
    return name


def in_small_letters(value: Any) -> Any:
    """For words whose case means nothing."""
    return value.lower() if isinstance(value, str) else value


def literal_text(value: object) -> str:
    """A literal as a script sees it: text as is, True/False as Azure ML, numbers as Python's."""
    return value if isinstance(value, str) else repr(value)


def _scalar(value: Any) -> Any:
    return literal_text(value) if isinstance(value, bool | int | float) else value


def few_or_none(value: Any) -> Any:
    """For a mapping that may be left empty: null is none, and more than 1,000 are refused."""
    if value is None:
        return {}
    if isinstance(value, Mapping) and len(value) > MOST_ENTRIES:
        message = f"has {len(value):,} entries; {MOST_ENTRIES:,} are the most"
        raise refusal(message, "put them in a file and give the file as an input")
    return value


Text = Annotated[str, AfterValidator(clean)]
#: Text that may be written as a bare YAML number or boolean (tags, environment variables).
ScalarText = Annotated[
    str,
    BeforeValidator(_scalar, json_schema_input_type=str | int | float | bool),
    AfterValidator(clean),
]
#: For people or programs: names of any text.
Tags = Annotated[dict[Text, ScalarText], BeforeValidator(few_or_none)]
VariableName = Annotated[str, AfterValidator(variable_name)]
Identifier = Annotated[str, AfterValidator(identifier)]
NonEmptyText = Annotated[Text, AfterValidator(_not_empty)]
