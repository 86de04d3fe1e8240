"""One YAML or JSON file as plain data, with the place of every field.

YAML 1.2 with the plain types of JSON: no tags, no merge keys, no key twice; dates stay text. What
aliases could blow up is counted, so that a small file can't become a huge document.
"""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from retrain.jobfile.errors import FileProblem, JobFileError, located, whole_file
from retrain.jobfile.places import Place
from retrain.jobfile.quick import read_quickly
from retrain.jobfile.scalars import Unreadable, scalar
from shared.jobs import Field, InvalidDocument
from shared.jobs import Problem as Fault
from shared.jobs.kinds import check_kind

MAX_BYTES: Final = 1_000_000
MAX_NODES: Final = 50_000
MAX_DEPTH: Final = 40
_PLAIN_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True, slots=True)
class Source:
    """A file's content: a mapping, and where each of its fields stands.

    problems: of files that it names. unread: the fields that name them; what these hold in the
    document is not what they stand for, so that nothing else is to be said of them.
    """

    path: Path
    document: dict[str, Any]
    places: dict[Field, Place]
    problems: tuple[FileProblem, ...] = ()
    unread: tuple[Field, ...] = ()

    def located(self, faults: Iterable[Fault]) -> list[FileProblem]:
        """The job language's problems with their places, behind those of files that it names."""
        known = (one for one in faults if not any(one.field[: len(f)] == f for f in self.unread))
        return [*self.problems, *located(known, self.places)]


def read_source(path: Path) -> Source:
    """Read a file that holds one mapping. Raises JobFileError for anything else in it."""
    text = _text(path)
    quick = read_quickly(path, text)
    if quick is not None and isinstance(quick[0], dict):
        return Source(path, *quick)
    node = _composed(path, text)
    if node is None:
        raise whole_file(path, "is empty", "write the document into it")
    walk = _Walk(path)
    document = walk.value(node, ())
    if walk.problems:
        raise JobFileError(path, walk.problems)
    if not isinstance(document, dict):
        problem = FileProblem(_place(path, node), (), "is not a mapping", "write `name: value`")
        raise JobFileError(path, [problem])
    return Source(path, document, walk.places)


def refuse_other_kind(source: Source, wanted: str) -> None:
    """Raise JobFileError for a document that is plainly of another kind, of which no more is to be
    said. wanted: "job", "schedule", "data" …"""
    try:
        check_kind(source.document, wanted)
    except InvalidDocument as error:
        raise JobFileError(source.path, located(error.problems, source.places)) from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise whole_file(path, f"is larger than {MAX_BYTES:,} bytes", "is it the right file?")
        content = path.read_bytes()
    except FileNotFoundError:
        raise whole_file(path, "does not exist", "check the name and the folder") from None
    except IsADirectoryError:
        raise whole_file(path, "is a folder", "name the file in it") from None
    except OSError as error:
        raise whole_file(path, f"can't be read: {error.strerror}", "check its rights") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        problem = FileProblem(
            Place(path, line, column), (), "is not UTF-8 text", "save it with encoding UTF-8"
        )
        raise JobFileError(path, [problem]) from None


def _composed(path: Path, text: str) -> Node | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # YAML allows it
            node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except RecursionError:
        raise whole_file(path, "is nested too deeply", f"use at most {MAX_DEPTH} levels") from None
    except ReaderError as error:
        before = text[: error.position]
        column = error.position - before.rfind("\n")
        place = Place(path, before.count("\n") + 1, column)
        message = f"has a control character ({error.character!r})"
        raise JobFileError(path, [FileProblem(place, (), message, "remove it")]) from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(path, mark.line + 1, mark.column + 1) if mark else Place(path)
        message = " ".join(part for part in (error.context, error.problem) if part)
        problem = FileProblem(place, (), f"is no YAML: {message}", _hint(message))
        raise JobFileError(path, [problem]) from None
    except YAMLError as error:
        raise whole_file(path, f"is no YAML: {error}", "check its form") from None
    return node


def _hint(message: str) -> str:
    if "another document" in message:
        return "keep one document in a file, without a second `---`"
    if "mapping values are not allowed" in message:
        return "check the indentation, or put text with `: ` in it in quotes"
    if "'\\t'" in message:
        return "indent with spaces"
    return "check indentation, quotes and brackets there"


def _place(path: Path, node: Node) -> Place:
    return Place(path, node.start_mark.line + 1, node.start_mark.column + 1)


class _Walk:
    """From nodes to data. Aliases are walked each time they are used, and counted so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self.places: dict[Field, Place] = {}
        self.problems: list[FileProblem] = []

    def value(self, node: Node, field: Field) -> Any:
        self._count += 1
        self.places.setdefault(field, _place(self._path, node))
        if self._count > MAX_NODES or len(field) > MAX_DEPTH:
            limit = f"use at most {MAX_DEPTH} levels and {MAX_NODES:,} values"
            problem = FileProblem(_place(self._path, node), (), "is too large or too deep", limit)
            raise JobFileError(self._path, [problem])
        if isinstance(node, ScalarNode):
            return self._scalar(node, field)
        if node.tag not in _PLAIN_TAGS:
            self._refuse(node, field, f"the tag {node.tag} is not supported", "leave it out")
        if isinstance(node, MappingNode):
            return {key: self.value(item, (*field, key)) for key, item in self._items(node, field)}
        return [self.value(item, (*field, index)) for index, item in enumerate(node.value)]

    def _items(self, node: MappingNode, field: Field) -> Iterator[tuple[str, Node]]:
        seen: set[str] = set()
        for key, item in node.value:
            name = self._key(key, field)
            if name in seen:
                first = self.places[(*field, name)].line
                message = f"is written twice (first in line {first})"
                self._refuse(key, (*field, name), message, "remove one")
            elif name is not None:
                seen.add(name)
                self.places[(*field, name)] = _place(self._path, key)
                yield name, item

    def _key(self, key: Node, field: Field) -> str | None:
        if key.tag == "tag:yaml.org,2002:merge":
            self._refuse(key, field, "merge keys (<<) are not supported", "write the fields out")
            return None
        if not isinstance(key, ScalarNode):
            self._refuse(key, field, "a field's name must be text", "write `name: value`")
            return None
        return str(key.value)  # `1:` and `true:` are names as they are written

    def _scalar(self, node: ScalarNode, field: Field) -> Any:
        try:
            return scalar(node)
        except Unreadable as error:
            self._refuse(node, field, str(error), "put it in quotes if it is text")
            return None

    def _refuse(self, node: Node, field: Field, message: str, remedy: str) -> None:
        self.problems.append(FileProblem(_place(self._path, node), field, message, remedy))
