"""One build for each new image, however many runs need it, wherever their events are handled.

A claim in the registry, one document a key, says who builds: it is written, by ETag, before a build
is begun, and gets the build's id afterwards. Whoever finds a claim waits for that build. A claim
without a build after a minute is that of somebody who died in between; it is taken over.

    registry/builds/<key>.json        the claim, and how the build ended
    outputs/environments/<key>.log    what the last build that ended has said
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from shared.domain.errors import Conflict, Permanent, Transient
from shared.domain.keys import is_run_name
from shared.jobs.images import Recipe
from shared.ports.files import OUTPUTS, Files
from shared.ports.images import BuildSeen, Images
from shared.ports.registry import Kept, Registry

log = logging.getLogger("retrain.image_builds")

KIND: Final = "builds"
#: From a claim to the build's id: one call of a service.
CLAIM: Final = timedelta(minutes=1)
#: Of a build's log so much is kept, from the start, in bytes.
KEPT_LOG: Final = 4 * 1024 * 1024
#: Of a failed build's log so many lines, and characters, stand for a reason when there is none.
_SHOWN_LINES: Final = 40
_SHOWN: Final = 4000


@dataclass(frozen=True, slots=True)
class ImageState:
    """`image` is a reference when ready; `reason` speaks when it failed."""

    state: Literal["building", "ready", "failed"]
    image: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """The last build of a key. ended_at: None while it is on its way, or nobody saw its end."""

    state: Literal["building", "ready", "failed"]
    image: str
    reason: str
    claimed_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImageBuilds:
    images: Images
    registry: Registry
    files: Files
    now: Callable[[], datetime]

    def ensure(self, recipe: Recipe, asker: str, *, afresh: bool) -> ImageState:
        """Have the image built unless it is there, or somebody builds it already.

        asker: names who asks, the same when asked again.  afresh: it is asked for the first time,
        so a build that failed earlier is tried once more. Raises Refused, Transient.
        """
        image = self.images.find(recipe)
        if image is not None:
            if not afresh:  # who waited for the build sees to it that its log is kept
                self._settle(recipe.key, BuildSeen("ready"), image)
            return ImageState("ready", image)
        claim = self.registry.load(KIND, recipe.key)
        waits = None if claim is None else self._under_way(claim, recipe, afresh=afresh)
        return waits or self._build(recipe, asker, claim)

    def record(self, key: str) -> BuildRecord | None:
        """What is known of the key's last build, its end noted if it just came; None: no build."""
        claim = self.registry.load(KIND, key)
        if claim is None:
            return None
        found = claim.document
        if found["state"] == "building" and found["build"]:
            seen = self.images.look(found["build"])
            if seen is not None and seen.state == "failed":
                self._settle(key, seen)
                found = self.registry.get(KIND, key) or found
        return _record(found)

    def log(self, key: str, offset: int, limit: int) -> tuple[bytes, bool]:
        """Bytes of the last build's log, and whether it has ended."""
        found = self.registry.get(KIND, key)
        if found is None:
            return b"", False
        if found["ended_at"] is not None:
            kept = self.files.stat(OUTPUTS, log_path(key))
            past = kept is None or offset >= kept.size
            text = b"" if past else self.files.read(OUTPUTS, log_path(key), offset, limit)
            return text, True
        return (self.images.log(found["build"], offset, limit) if found["build"] else b""), False

    def _under_way(self, claim: Kept, recipe: Recipe, *, afresh: bool) -> ImageState | None:
        """How the claimed build stands; None when there has to be another one."""
        found = claim.document
        if found["state"] == "failed":
            return None if afresh else ImageState("failed", reason=found["reason"])
        if not found["build"]:
            young = self.now() - datetime.fromisoformat(found["claimed_at"]) < CLAIM
            return ImageState("building") if young else None
        seen = self.images.look(found["build"])
        if seen is None or seen.state == "ready":
            # It may have become ready since we looked for the image; else that has been deleted.
            image = self.images.find(recipe)
            return self._settled(recipe.key, BuildSeen("ready"), image) if image else None
        if seen.state == "building":
            return ImageState("building")
        return self._settled(recipe.key, seen)

    def _settled(self, key: str, seen: BuildSeen, image: str = "") -> ImageState:
        if seen.state == "failed" and not seen.explained:
            seen = replace(seen, reason=f"{seen.reason}\n{self._end_of_log(key)}".rstrip())
        self._settle(key, seen, image)
        return ImageState(seen.state, image, seen.reason)

    def _end_of_log(self, key: str) -> str:
        said, _ = self.log(key, 0, KEPT_LOG)
        lines = said.decode(errors="replace").splitlines()[-_SHOWN_LINES:]
        return "\n".join(lines)[-_SHOWN:]

    def _build(self, recipe: Recipe, asker: str, claim: Kept | None) -> ImageState:
        number = claim.document["number"] + 1 if claim else 1
        mine = {
            "number": number,
            "by": asker,
            "claimed_at": self.now().isoformat(),
            "build": "",
            "state": "building",
            "reason": "",
            "image": "",
            "ended_at": None,
        }
        try:
            self.registry.save(KIND, recipe.key, mine, claim.etag if claim else None)
        except Conflict:
            return ImageState("building")  # somebody was quicker
        try:
            build = self.images.begin(recipe)
        except Transient:
            self._change(recipe.key, mine, {"claimed_at": _LONG_AGO})  # free for the next
            raise
        except Permanent as refusal:
            reason = f"{refusal} {refusal.remedy}".strip()
            ended = {"state": "failed", "reason": reason, "ended_at": self.now().isoformat()}
            self._change(recipe.key, mine, ended)
            return ImageState("failed", reason=reason)
        log.info(
            "environment %s: build %s begins, for %s", recipe.key[:12], build, asker,
            extra={"environment": recipe.key, "run": asker if is_run_name(asker) else None},
        )  # fmt: skip
        self._change(recipe.key, mine, {"build": build})
        image = self.images.find(recipe)  # some are there at once
        return ImageState("ready", image) if image else ImageState("building")

    def _change(self, key: str, mine: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        """Write on our own claim, unless somebody has taken it over meanwhile."""
        kept = self.registry.load(KIND, key)
        if kept is None or dict(kept.document) != dict(mine):
            return
        try:
            self.registry.save(KIND, key, {**mine, **changes}, kept.etag)
        except Conflict:
            log.warning(
                "environment %s: its claim was taken over", key[:12], extra={"environment": key}
            )

    def _settle(self, key: str, seen: BuildSeen, image: str = "") -> None:
        """Note the end of the build, once, after its log is kept."""
        kept = self.registry.load(KIND, key)
        if kept is None or kept.document["ended_at"] is not None or not kept.document["build"]:
            return
        said = self.images.log(kept.document["build"], 0, KEPT_LOG)
        self.files.write(OUTPUTS, log_path(key), said)
        ended = {"state": seen.state, "reason": seen.reason, "image": image}
        changed = {**kept.document, **ended, "ended_at": self.now().isoformat()}
        try:
            self.registry.save(KIND, key, changed, kept.etag)
        except Conflict:
            return  # somebody else noted it
        log.info("environment %s: %s", key[:12], seen.state, extra={"environment": key})


_LONG_AGO: Final = "2000-01-01T00:00:00+00:00"


def log_path(key: str) -> str:
    """In container `outputs`: where the log of the key's last build is kept."""
    return f"environments/{key}.log"


def _record(found: Mapping[str, Any]) -> BuildRecord:
    ended = found["ended_at"]
    return BuildRecord(
        state=found["state"],
        image=found["image"],
        reason=found["reason"],
        claimed_at=datetime.fromisoformat(found["claimed_at"]),
        ended_at=datetime.fromisoformat(ended) if ended else None,
    )
