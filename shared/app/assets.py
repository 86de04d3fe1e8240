"""Registered things: data, models and environments, by name and version.

    registry/<kind>/<name>/<version>.json             what a version is; written once, never changed
    registry/contents/<kind>/<name>/<digest>.json     which version a content became, or will become
    registry/labels/<kind>/<name>.json                its labels, and what is archived; by ETag

A version is there as soon as its blob is. Nothing counts versions beside that, so there is nothing
that could disagree after a crash: the next number, and what is the latest, are read off a list.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from shared.domain.errors import NotFound, Taken
from shared.domain.keys import digest
from shared.jobs.references import LATEST, AssetReference
from shared.ports.registry import Kept, Registry

Kind = Literal["data", "models", "environments"]
#: What one of a kind is called in a sentence, and in the command that lists them.
NOUNS: Final[Mapping[Kind, str]] = {
    "data": "data asset",
    "models": "model",
    "environments": "environment",
}
_COMMANDS: Final[Mapping[Kind, str]] = {
    "data": "data",
    "models": "model",
    "environments": "environment",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One version. `document` says what it is; `digest` is of what lasts of it, see `_identity`."""

    kind: Kind
    name: str
    version: str
    document: Mapping[str, Any]
    digest: str
    created_at: datetime

    @property
    def reference(self) -> str:
        return f"azureml:{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Listed:
    """A name, and its versions in the order in which they were registered."""

    name: str
    versions: Sequence[str]
    archived: bool
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Labels:
    """Of one name: which version a label stands for, and what is archived.

    etag: of the store's document; None while there is none.  all_archived: versions to come too.
    """

    labels: Mapping[str, str]
    archived: Sequence[str]
    all_archived: bool
    etag: str | None

    def is_archived(self, version: str) -> bool:
        return self.all_archived or version in self.archived


@dataclass(frozen=True, slots=True)
class Assets:
    registry: Registry
    now: Callable[[], datetime]

    def register(
        self, kind: Kind, name: str, document: Mapping[str, Any], version: str | None = None
    ) -> tuple[Asset, bool]:
        """Register the content under the name; True when it is new.

        document: plain JSON; what is equal but for the times of upload is the same content. Without
        a version it is the one that this content has already, else the next whole number. Another
        version of it is a new one, with the same content. Raises Taken when the version stands for
        something else. name and version are valid ones: see `shared.jobs.references`.
        """
        content = digest(json.dumps(_identity(document), sort_keys=True))
        record = {
            "name": name,
            "document": dict(document),
            "digest": content,
            "created_at": self.now().isoformat(),
        }
        if version is None:
            return self._next(kind, name, record)
        asset, new = self._write(kind, name, version, record)
        if not _same(asset, record):
            raise _taken(asset)
        if new:
            self.registry.once(_contents(kind, name), content, {"version": version})
        return asset, new

    def get(self, kind: Kind, name: str, version: str) -> Asset:
        """Raises NotFound, also for an unknown name."""
        record = self.registry.get(kind, f"{name}/{version}")
        if record is None:
            raise self._missing(kind, name, f"{name}:{version}")
        return _asset(kind, version, record)

    def resolve(self, kind: Kind, reference: AssetReference) -> Asset:
        """What the reference stands for this moment. Raises NotFound."""
        if reference.version is not None:
            return self.get(kind, reference.name, reference.version)
        label = reference.label or LATEST
        if label == LATEST:
            return self.latest(kind, reference.name)
        version = self.labels(kind, reference.name).labels.get(label)
        if version is None:
            raise self._missing(kind, reference.name, f"{reference.name}@{label}")
        return self.get(kind, reference.name, version)

    def latest(self, kind: Kind, name: str) -> Asset:
        """The version registered last of those that are not archived. Raises NotFound."""
        labels = self.labels(kind, name)
        there = [one for one in self.versions(kind, name) if not labels.is_archived(one)]
        if not there:
            raise self._missing(kind, name, f"{name}@latest")
        return self.get(kind, name, there[-1])

    def versions(self, kind: Kind, name: str) -> Sequence[str]:
        """In the order in which they were registered; numbers of one second by their value."""
        return [name for _, name in sorted(_turn(e.name, e.modified) for e in self._of(kind, name))]

    def names(self, kind: Kind) -> Sequence[Listed]:
        """Every name with its versions, by name: two lists, and nothing read that is known."""
        turns: dict[str, list[tuple[tuple[datetime, int], str]]] = {}
        for entry in self.registry.entries(kind):
            name, _, version = entry.name.partition("/")
            turns.setdefault(name, []).append(_turn(version, entry.modified))
        known = {one["name"]: one for one in self.registry.list(f"labels/{kind}")}
        return [
            _listed(name, [version for _, version in sorted(found)], known.get(name, {}))
            for name, found in sorted(turns.items())
        ]

    def labels(self, kind: Kind, name: str) -> Labels:
        """Empty ones when nobody has set any."""
        return _labels(self.registry.load(f"labels/{kind}", name))

    def set_label(
        self, kind: Kind, name: str, label: str, version: str, *, seen: Labels | None = None
    ) -> None:
        """Make the label stand for the version, and for no other. Again is as good as once.

        seen: the labels that the decision was made from. Raises NotFound when there is no such
        version, Conflict when the labels have changed since (without `seen`: this moment).
        """
        self.get(kind, name, version)
        present = self.labels(kind, name) if seen is None else seen
        if present.labels.get(label) != version or seen is not None:
            self._save(kind, name, present, labels={**present.labels, label: version})

    def archive(self, kind: Kind, name: str, version: str | None, *, back: bool = False) -> None:
        """Leave it out of lists and of `@latest`; it can still be named. back: undo that.

        version None: all of them, and those to come. Raises NotFound, Conflict.
        """
        if version is not None:
            self.get(kind, name, version)
        elif not self._of(kind, name):
            raise self._missing(kind, name, name)
        present = self.labels(kind, name)
        if version is None:
            self._save(kind, name, present, all_archived=not back)
            return
        others = [one for one in present.archived if one != version]
        self._save(kind, name, present, archived=others if back else [*others, version])

    def _next(self, kind: Kind, name: str, record: Mapping[str, Any]) -> tuple[Asset, bool]:
        """The first number from the content's own on that is free, or holds this content.

        The content's number is set down before the version is written, so that whoever died in
        between, or asks at the same moment, tries the same numbers.
        """
        numbers = [int(e.name) for e in self._of(kind, name) if _is_number(e.name)]
        claim = {"version": str(max(numbers, default=0) + 1)}
        claim = self.registry.once(_contents(kind, name), record["digest"], claim)
        version = claim["version"]
        while True:
            asset, new = self._write(kind, name, version, record)
            if _same(asset, record):
                return asset, new
            # Only numbers are tried: a content's own version of another form can't be taken.
            version = str(int(version) + 1)

    def _write(
        self, kind: Kind, name: str, version: str, record: Mapping[str, Any]
    ) -> tuple[Asset, bool]:
        there = self.registry.get(kind, f"{name}/{version}")
        if there is not None:
            return _asset(kind, version, there), False
        return _asset(kind, version, self.registry.once(kind, f"{name}/{version}", record)), True

    def _of(self, kind: Kind, name: str) -> Sequence[Any]:
        return self.registry.entries(f"{kind}/{name}")

    def _save(self, kind: Kind, name: str, present: Labels, **changes: Any) -> None:
        document = {
            "name": name,
            "labels": dict(present.labels),
            "archived": [*present.archived],
            "all_archived": present.all_archived,
            **changes,
        }
        self.registry.save(f"labels/{kind}", name, document, present.etag)

    def _missing(self, kind: Kind, name: str, what: str) -> NotFound:
        """what: the name with the version or the label that is not there."""
        there = self.versions(kind, name)
        if not there:
            remedy = f"`retrain {_COMMANDS[kind]} list` shows those there are."
            return NotFound(NOUNS[kind], name, remedy, [one.name for one in self.names(kind)])
        labels = self.labels(kind, name)
        if all(map(labels.is_archived, there)):
            remedy = f"All of '{name}' is archived; `retrain {_COMMANDS[kind]} restore {name}`."
            return NotFound(NOUNS[kind], what, remedy)
        if "@" in what:
            marks = [f"{label} ({version})" for label, version in sorted(labels.labels.items())]
            remedy = f"'{name}' has the labels: {', '.join([*marks, LATEST])}."
        else:
            remedy = f"'{name}' has the versions: {', '.join(there[-10:])}."
        return NotFound(NOUNS[kind], what, remedy)


def _identity(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document without what tells only when its content was uploaded."""
    content = document.get("content")
    if not isinstance(content, Mapping):
        return document
    of_upload = ("manifest", "etag") if content.get("md5") else ("manifest",)
    lasting = {name: value for name, value in content.items() if name not in of_upload}
    return {**document, "content": lasting}


def _same(asset: Asset, record: Mapping[str, Any]) -> bool:
    """Older versions have a digest of all that they say."""
    same = _identity(asset.document) == _identity(record["document"])
    return same or asset.digest == record["digest"]


def _contents(kind: Kind, name: str) -> str:
    return f"contents/{kind}/{name}"


def _is_number(version: str) -> bool:
    return version.isascii() and version.isdecimal() and not version.startswith("0")


def _turn(version: str, modified: datetime) -> tuple[tuple[datetime, int], str]:
    """Sorts by registration; Blob Storage knows the second, and numbers break its ties."""
    number = int(version) if _is_number(version) else 0
    return (modified.astimezone(UTC), number), version


def _asset(kind: Kind, version: str, record: Mapping[str, Any]) -> Asset:
    return Asset(
        kind=kind,
        name=record["name"],
        version=version,
        document=record["document"],
        digest=record["digest"],
        created_at=datetime.fromisoformat(record["created_at"]),
    )


def _labels(kept: Kept | None) -> Labels:
    if kept is None:
        return Labels({}, (), all_archived=False, etag=None)
    found = kept.document
    return Labels(
        found["labels"], found["archived"], all_archived=found["all_archived"], etag=kept.etag
    )


def _listed(name: str, versions: Sequence[str], known: Mapping[str, Any]) -> Listed:
    gone = known.get("archived", ())
    archived = known.get("all_archived", False) or all(one in gone for one in versions)
    return Listed(name, versions, archived, known.get("labels", {}))


def _taken(asset: Asset) -> Taken:
    noun = NOUNS[asset.kind]
    return Taken(
        f"The {noun} {asset.name}:{asset.version} is registered with other content.",
        remedy="Versions never change: take another one, or leave `version` out for the next.",
        code="VersionTaken",
    )
