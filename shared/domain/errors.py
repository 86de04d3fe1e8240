"""Everything that Retrain itself raises.

RetrainError
├── Transient          the message comes again: throttling, an outage, a lost race
│   └── Conflict       another instance wrote the record first
└── Permanent          written on the run, or answered to the caller; repeating it won't help
    ├── Refused        a service said no to what was asked of it
    │   └── Scarce     there is no more of it; when others have given theirs back there may be
    ├── NotFound       there is no such run, schedule or file
    ├── Invalid        the caller's document or argument is wrong
    ├── Taken          the name stands for something else already
    └── IllegalMove    a status that may not follow the present one: a bug of ours
"""

from collections.abc import Iterable, Sequence

from shared.domain.near import nearest


class RetrainError(Exception):
    """What happened (`message`), and what to do about it (`remedy`)."""

    def __init__(self, message: str, *, remedy: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code or type(self).__name__


class Transient(RetrainError):
    """It may work the next time; raised through the door, so the message is delivered again."""


class Conflict(Transient):
    """The record changed since it was loaded."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Another instance changed '{name}' first.", remedy="Delivered again.")


class Permanent(RetrainError):
    """Asking again gives the same answer."""


class Refused(Permanent):
    """A service refused; `code` is the service's own."""


class Scarce(Refused):
    """A quota is reached. Asking again at once gives the same answer, and later perhaps not."""


class NotFound(Permanent):
    def __init__(self, kind: str, name: str, remedy: str, known: Iterable[str] = ()) -> None:
        """kind: a noun, of several words perhaps: `data asset` has the code DataAssetNotFound.
        known: the names of those there are, one of which may be meant."""
        code = "".join(word[:1].upper() + word[1:] for word in kind.split()) + "NotFound"
        near = nearest(name, known)
        mean = f"; did you mean '{near}'?" if near else "."
        super().__init__(f"There is no {kind} '{name}'{mean}", remedy=remedy, code=code)


class Invalid(Permanent):
    """`details` holds (field, message) pairs, in the document's order."""

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        code: str = "",
        details: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(message, remedy=remedy, code=code)
        self.details = tuple(details)


class Taken(Permanent):
    """What is there under the name stays as it is."""


class IllegalMove(Permanent):
    def __init__(self, run: str, present: str, wanted: str) -> None:
        super().__init__(
            f"Run {run} can't go from {present} to {wanted}.",
            remedy="This is a fault in Retrain; please report it with the run's timeline.",
        )
