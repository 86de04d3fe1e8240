"""Objects whose misspelt attributes are told where they are written, not silently kept."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from retrain.sdk.errors import UnknownAttribute

_Item = TypeVar("_Item")


class Strict:
    """In front of a dataclass: only its fields may be set."""

    __slots__ = ()

    if not TYPE_CHECKING:  # a type checker that saw it would take every name

        def __setattr__(self, name: str, value: Any) -> None:
            if name not in self.__dataclass_fields__:
                known = [one.name for one in fields(self) if one.name[0] != "_"]
                raise UnknownAttribute(name, type(self).__name__, known)
            super().__setattr__(name, self._taken(name, value))

    def _taken(self, name: str, value: Any) -> Any:
        """What the field holds when it is set to the value."""
        return value


class Fields(dict[str, _Item]):
    """A dict whose items are attributes too: `job.inputs.rows = 10`."""

    def __getattr__(self, name: str) -> _Item:
        try:
            return self[name]
        except KeyError:
            raise UnknownAttribute(name, "it", self) from None

    def __setattr__(self, name: str, value: _Item) -> None:
        self[name] = value


class Section(Fields[Any]):
    """A part of a job file as attributes: those it can have, None when not set, and no others.

    Items are taken as they are: what a file has is told of when the job is checked.
    """

    WHAT: ClassVar[str]
    NAMES: ClassVar[tuple[str, ...]]

    def __getattr__(self, name: str) -> Any:
        if name not in self.NAMES:
            raise UnknownAttribute(name, self.WHAT, self.NAMES)
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self.NAMES:
            raise UnknownAttribute(name, self.WHAT, self.NAMES)
        self[name] = value


class LimitsSection(Section):
    WHAT = "limits"
    NAMES = ("timeout",)


class ResourcesSection(Section):
    WHAT = "resources"
    NAMES = ("instance_count", "instance_type", "shm_size", "docker_args")


class QueueSection(Section):
    WHAT = "queue_settings"
    NAMES = ("job_tier", "priority")


class RetrySection(Section):
    WHAT = "retry"
    NAMES = ("max_attempts", "on", "exit_codes", "backoff")
