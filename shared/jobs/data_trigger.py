"""The trigger that fires when files land: which ones count, how they are gathered into runs."""

from collections.abc import Sequence
from posixpath import basename
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, model_validator

from shared.jobs.clock_trigger import Concurrency, fault_at
from shared.jobs.datastore import (
    DEFAULT_DATASTORE,
    checked_path,
    is_datastore_uri,
    parse_datastore_path,
)
from shared.jobs.document import Document
from shared.jobs.glob import literal_folder, matches
from shared.jobs.moments import Span
from shared.jobs.problems import refusal
from shared.jobs.text import NonEmptyText

#: Names of files that somebody is still writing, or that are no data: of editors, browsers, copying
#: programs, Office, Spark and Hadoop. Folders of such names too, such as Spark's `_temporary`.
IGNORED: Final = (
    "_*", ".*", "~*", "*~", "*.tmp", "*.temp", "*.part", "*.partial", "*.crdownload", "*.swp",
    "*.lock", "*._COPYING_", "Thumbs.db", "desktop.ini",
)  # fmt: skip
#: Most files that one run is given; the others are the next one's.
MOST_FILES: Final = 5000
#: For so long, in seconds, the first of the files waits for quiet when no `max_wait` is given.
PATIENCE: Final = 3600
_MOST_PATTERNS = 100
_LONGEST_PATTERN = 512


def _pattern(path: str) -> str:
    if len(path) > _LONGEST_PATTERN:
        raise refusal(f"has more than {_LONGEST_PATTERN} characters", "use a shorter pattern")
    if not is_datastore_uri(path):
        if path.startswith(("azureml:", "http:", "https:", "wasbs:", "abfss:", "/", "./")):
            raise refusal(f"'{path}' is not a pattern of files", "write it like wine/*.csv")
        return checked_path(path)
    address = parse_datastore_path(path)
    if address.store != DEFAULT_DATASTORE:
        raise refusal(
            f"files that land in '{address.store}' start nothing", f"use {DEFAULT_DATASTORE}"
        )
    if not address.path:
        raise refusal("the pattern is empty", "write ** for every file")
    return path


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _patterns(value: Any) -> Any:
    return (_pattern(value),) if isinstance(value, str) and value else _listed(value)


def _as_written(patterns: tuple[str, ...]) -> str | list[str]:
    return patterns[0] if len(patterns) == 1 else [*patterns]


def _some(patterns: tuple[str, ...]) -> tuple[str, ...]:
    if not patterns:
        raise refusal("is empty", "name at least one pattern, for example wine/*.csv")
    if len(patterns) > _MOST_PATTERNS:
        raise refusal(f"has more than {_MOST_PATTERNS} patterns", "use ** in fewer of them")
    return patterns


def _name(name: str) -> str:
    if "/" in name:
        raise refusal(f"'{name}' is no file's name", "write a name only, such as _SUCCESS")
    return name


_Paths = Annotated[
    tuple[Annotated[NonEmptyText, AfterValidator(_pattern)], ...],
    BeforeValidator(_patterns, json_schema_input_type=str | list[str]),
    AfterValidator(_some),
    PlainSerializer(_as_written),
]
_Ignored = Annotated[
    tuple[NonEmptyText, ...],
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    PlainSerializer(list[str]),
]


class DataTrigger(Document):
    """Fires for new content of files whose paths fit a pattern: for each, or for many at once."""

    type: Literal["data"] = Field(description="The kind of trigger.")
    path: _Paths = Field(
        description="Patterns with *, ** and ?, as datastore URIs or from the datastore's root."
    )
    ignore: _Ignored = Field(
        default=IGNORED, description="Names, or with / paths, of files that don't count."
    )
    quiet_period: Span = Field(
        default=0, description="Files are one run when none landed for so long; 0: each is a run."
    )
    max_wait: Span | None = Field(
        default=None, description="The run starts so long after its first file, come what may."
    )
    min_files: Annotated[int, Field(ge=1, le=MOST_FILES)] = Field(
        default=1, description="The run waits for so many files."
    )
    when: Annotated[NonEmptyText, AfterValidator(_name)] | None = Field(
        default=None, description="The run waits for a file of this name, for those beside it."
    )
    concurrency: Concurrency = Field(
        default="parallel", description="What is done when the run before is still under way."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.when and self.quiet_period:
            remedy = "leave out quiet_period: the run starts when that file lands"
            raise fault_at("quiet_period", refusal("means nothing beside `when`", remedy))
        if self.max_wait is not None and not self.gathers:
            remedy = "add quiet_period, min_files or when"
            raise fault_at("max_wait", refusal("there is nothing to wait for", remedy))
        if self.max_wait is not None and self.max_wait < self.quiet_period:
            remedy = "use a longer max_wait"
            raise fault_at("max_wait", refusal("is shorter than quiet_period", remedy))
        return self

    @property
    def gathers(self) -> bool:
        """Whether files wait for others, to be one run."""
        return bool(self.quiet_period or self.min_files > 1 or self.when)

    @property
    def longest_wait(self) -> int | None:
        """Seconds the first file waits at most; None: until the others are there."""
        if self.max_wait is not None or not self.quiet_period:
            return self.max_wait
        return max(PATIENCE, self.quiet_period)

    @property
    def patterns(self) -> Sequence[str]:
        """The patterns from the root of container `data`."""
        return [
            parse_datastore_path(path).path if is_datastore_uri(path) else path
            for path in self.path
        ]

    @property
    def watched(self) -> Sequence[str]:
        """The patterns, and those of the files that say that others are complete."""
        if self.when is None:
            return self.patterns
        return [*self.patterns, *(f"{literal_folder(p)}**/{self.when}" for p in self.patterns)]

    def matches(self, path: str) -> bool:
        """Whether a file with this path from the root of container `data` counts."""
        return any(
            matches(pattern, path) and not self._ignored(path, literal_folder(pattern))
            for pattern in self.patterns
        )

    def completes(self, path: str) -> bool:
        """Whether the file says that those beside and below it are complete."""
        return self.when is not None and basename(path) == self.when and self._within(path)

    def _within(self, path: str) -> bool:
        return any(path.startswith(literal_folder(pattern)) for pattern in self.patterns)

    def _ignored(self, path: str, named: str) -> bool:
        """named: the folder that the pattern itself spells out, which it therefore means."""
        below = path.removeprefix(named)
        if path in self.patterns:
            return False
        for pattern in self.ignore:
            if matches(pattern, path) if "/" in pattern else _any_part(pattern, below):
                return True
        return False


def _any_part(pattern: str, path: str) -> bool:
    return any(matches(pattern, part) for part in path.split("/"))
