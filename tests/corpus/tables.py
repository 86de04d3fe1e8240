"""The tables of docs/job-language.md, made from the models: `python -m tests.corpus.tables`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from shared.jobs import KINDS, CommandJob
from shared.jobs.document import Document
from shared.jobs.kinds import WORDS

PAGE: Final = Path(__file__).parents[2] / "docs" / "job-language.md"
_BEGIN, _END = "<!-- tables: made by `python -m tests.corpus.tables` -->", "<!-- end of tables -->"
_COMPONENT = "A component, or its file; instead of `command`, `code` and `environment`."
_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "mapping",
    "array": "list",
    "null": "",
}


def with_tables(page: str) -> str:
    """The page with its tables made anew. Raises ValueError when it has no place for them."""
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{PAGE} needs the lines {_BEGIN} and {_END}")
    tables = "\n".join(_tables())
    return f"{before}{begin}\n\n{tables}\n{end}{after}"


def _tables() -> Iterator[str]:
    told: set[str] = set()
    for kind, entry in KINDS.items():
        yield f"### {WORDS[kind].called.partition(' ')[2].capitalize()}\n"
        yield from _table(entry.model)
        for model in _inner(entry.model):
            if model.__name__ not in told:
                told.add(model.__name__)
                yield f"**{_title(model)}.** {_first_sentence(model)}\n"
                yield from _table(model)


def _title(model: type[Document]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", model.__name__).capitalize()


def _first_sentence(model: type[Document]) -> str:
    text = " ".join((model.__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".") + "."


def _inner(model: type[Document]) -> list[type[Document]]:
    """The models of the mappings in it, in the order of its fields."""
    by_name = {one.__name__: one for one in _all(Document)}
    definitions = model.model_json_schema(by_alias=True).get("$defs", {})
    kinds = {entry.model.__name__ for entry in KINDS.values()}
    return [by_name[name] for name in definitions if name in by_name and name not in kinds]


def _all(model: type[Document]) -> Iterator[type[Document]]:
    for one in model.__subclasses__():
        yield one
        yield from _all(one)


def _table(model: type[Document]) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    required = schema.get("required", [])
    told = {one.alias or name: one.description or "" for name, one in model.model_fields.items()}
    yield "| field | | what |"
    yield "|---|---|---|"
    for name, field in schema.get("properties", {}).items():
        if name != "$schema":
            kind = _type(field) + (", required" if name in required else _default(field))
            yield f"| `{name}` | {kind} | {_told(told[name])} |"
    if model is CommandJob:
        yield "| `component` | text or mapping | " + _COMPONENT + " |"
    for name, remedy in model.not_yet.items():
        yield f"| `{name}` | not supported yet | {_told(remedy)} |"
    yield ""


def _told(text: str) -> str:
    """As Markdown; what stands in backticks is shown as it is there."""
    parts = text.replace("|", "\\|").split("`")
    parts[::2] = [part.replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if "const" in field:
        return f"`{field['const']}`"
    if "$ref" in field:
        return "mapping"
    forms = field.get("anyOf") or field.get("oneOf")
    if forms:
        return " or ".join(dict.fromkeys(filter(None, map(_type, forms))))
    return _WORDS.get(str(field.get("type")), "")


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    if value in (None, "", {}, []) or isinstance(value, dict | list):
        return ""
    shown = str(value).lower() if isinstance(value, bool) else value
    return f", else `{shown}`"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
