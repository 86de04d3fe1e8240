"""Which schedules a file may concern, by the folders that their patterns spell out.

`wine/*/a.csv` can only fit below `wine/`. Patterns are kept by that folder, in 256 documents by its
hash, so a file that lands asks for as many as its path has folders. What was read is remembered
until the generation changes, a document that every change of a schedule writes anew, last.

An entry that is left over does no harm: the schedule itself is asked again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from shared.app.at_once import at_once
from shared.domain.errors import Conflict
from shared.domain.keys import digest
from shared.jobs import DataTrigger, Schedule, literal_folder, matches
from shared.ports.registry import Registry

KIND: Final = "watched"
_GENERATION: Final = "generation"
_RACES: Final = 20

Folders = dict[str, dict[str, list[str]]]


@dataclass(slots=True)
class _Memory:
    """What was read under one generation."""

    generation: str = ""
    shards: dict[str, Folders] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Watched:
    registry: Registry
    _memory: _Memory = field(default_factory=_Memory)

    def concerned(self, path: str) -> Sequence[str] | None:
        """Names of schedules one of whose patterns the path fits, or fitted a moment ago; None
        when nothing was written down yet."""
        shards = self._shards()
        if not self._memory.generation:
            return None
        names = set()
        for folder in _folders(path):
            for name, patterns in self._folder(shards, folder).items():
                if any(_may_fit(pattern, path) for pattern in patterns):
                    names.add(name)
        return sorted(names)

    def keep(self, schedule: Schedule | None, before: Schedule | None, now: datetime) -> None:
        """Take the schedule's patterns in, in place of those of its version before."""
        new, old = _places(schedule), _places(before)
        named = schedule or before
        if named is None or new == old == {}:
            return
        for shard in sorted({_shard(folder) for folder in (*new, *old)}):
            self._change(shard, named.name, new)
        moment = {"at": now.isoformat(), "by": named.name}
        self.registry.put(KIND, _GENERATION, moment)

    def names(self) -> set[str]:
        """All schedules that are found by files; a call for each of the 256 documents there is."""
        shards = [e.name for e in self.registry.entries(KIND) if e.name != _GENERATION]
        read = at_once(shards, lambda shard: self.registry.get(KIND, shard) or {"folders": {}})
        return {name for one in read for names in one["folders"].values() for name in names}

    def rebuild(self, schedules: Sequence[Schedule], now: datetime) -> None:
        """Write what differs from what these schedules say."""
        wanted: dict[str, Folders] = {}
        for schedule in schedules:
            for folder, patterns in _places(schedule).items():
                shard = wanted.setdefault(_shard(folder), {})
                shard.setdefault(folder, {})[schedule.name] = patterns
        there = {entry.name for entry in self.registry.entries(KIND)} - {_GENERATION}
        for name in sorted(there | wanted.keys()):
            kept = self.registry.load(KIND, name)
            if (kept.document["folders"] if kept else {}) != wanted.get(name, {}):
                document = {"folders": wanted.get(name, {})}
                self.registry.save(KIND, name, document, kept.etag if kept else None)
        self.registry.put(KIND, _GENERATION, {"at": now.isoformat(), "by": "rebuild"})

    def _shards(self) -> dict[str, Folders]:
        kept = self.registry.load(KIND, _GENERATION)
        present = kept.etag if kept else ""
        if self._memory.generation != present or not present:
            self._memory.generation, self._memory.shards = present, {}
        return self._memory.shards

    def _folder(self, shards: dict[str, Folders], folder: str) -> Mapping[str, list[str]]:
        shard = _shard(folder)
        if shard not in shards:
            shards[shard] = (self.registry.get(KIND, shard) or {"folders": {}})["folders"]
        return shards[shard].get(folder, {})

    def _change(self, shard: str, name: str, places: Mapping[str, list[str]]) -> None:
        for _ in range(_RACES):
            kept = self.registry.load(KIND, shard)
            folders: Folders = kept.document["folders"] if kept else {}
            changed = _with(folders, name, {f: p for f, p in places.items() if _shard(f) == shard})
            if changed == folders:
                return
            try:
                self.registry.save(KIND, shard, {"folders": changed}, kept.etag if kept else None)
            except Conflict:
                continue
            return
        raise Conflict(f"{KIND}/{shard}")


def _with(folders: Folders, name: str, places: Mapping[str, list[str]]) -> Folders:
    others = {
        folder: {other: patterns for other, patterns in names.items() if other != name}
        for folder, names in folders.items()
    }
    for folder, patterns in places.items():
        others.setdefault(folder, {})[name] = patterns
    return {folder: names for folder, names in others.items() if names}


def _places(schedule: Schedule | None) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    if schedule is not None and isinstance(schedule.trigger, DataTrigger):
        for pattern in schedule.trigger.watched:
            places.setdefault(literal_folder(pattern), []).append(pattern)
    return places


def _may_fit(pattern: str, path: str) -> bool:
    """The cheap look first: most patterns of a folder differ from the path in their beginning."""
    wild = min((at for sign in "*?" if (at := pattern.find(sign)) >= 0), default=len(pattern))
    return path.startswith(pattern[:wild]) and matches(pattern, path)


def _folders(path: str) -> Iterator[str]:
    """`a/b/c.csv` lies in ``, `a/` and `a/b/`."""
    yield ""
    for at, sign in enumerate(path):
        if sign == "/":
            yield path[: at + 1]


def _shard(folder: str) -> str:
    return digest(folder)[:2]
