"""What runs used and made, both ways.

A run's record says what it read and wrote. The other way round there is an index in the registry,
`uses/<kind>/<name>/<version>/<run>.json`, written before the run's record: an entry whose run came
to nothing is passed over, a missing one would be a gap. Which run made a version stands in the
version itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from shared.app.assets import Asset, Assets
from shared.app.contents import Contents
from shared.app.promotion import Promoter
from shared.app.resolution import kind_of
from shared.domain.errors import NotFound, Permanent
from shared.domain.lineage import Content, Place, Read, Registered, Written
from shared.domain.run import Problem, Run
from shared.jobs import DatastorePath, Output
from shared.ports.files import OUTPUTS
from shared.ports.registry import Registry
from shared.ports.runs import Runs

_USES: Final = "uses"
#: Of the runs that used a version so many are shown, the newest first.
SHOWN: Final = 50


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a completed run left. changed: the inputs that have other content by now.

    problem: why it is no success after all.
    """

    changed: tuple[str, ...]
    writes: tuple[Written, ...]
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Uses:
    """The newest runs that used a version, and how many there are in all."""

    runs: Sequence[Run]
    count: int


@dataclass(frozen=True, slots=True)
class Story:
    """A run between others. makers: for each of its reads the run that made what was read, if one
    did.  uses: for each of its writes the runs that used what was registered.  left: what is in its
    folder `outputs`, declared or not; only its own attempt could write there."""

    run: Run
    makers: Sequence[str | None]
    uses: Sequence[Uses]
    left: Content | None


@dataclass(frozen=True, slots=True)
class Lineage:
    registry: Registry
    runs: Runs
    assets: Assets
    contents: Contents
    promoter: Promoter

    def note_uses(self, run: Run) -> None:
        """Let each version that the run reads know of it. Again is as good as once."""
        for read in run.reads:
            if read.asset is not None:
                self.registry.once(_uses(read.asset), run.name, {"run": run.name})

    def uses(self, asset: Registered, shown: int = SHOWN) -> Uses:
        """One list, and a read for each run that is shown."""
        names = [entry.name for entry in self.registry.entries(_uses(asset))]
        return Uses([*self._found(sorted(names, reverse=True)[:shown])], len(names))

    def of_asset(self, asset: Asset) -> tuple[str | None, Uses]:
        """The run that made the version, if one did, and those that used it."""
        return made_by(asset), self.uses(_registered(asset))

    def of_run(self, name: str) -> Story:
        """Raises NotFound."""
        run = self.runs.load(name).run
        nobody = Uses([], 0)
        return Story(
            run,
            [self._maker(read.asset) for read in run.reads],
            [self.uses(one.asset) if one.asset else nobody for one in run.writes],
            self.contents.at(_under(run, "outputs/", folder=True), keep=False),
        )

    def _maker(self, asset: Registered | None) -> str | None:
        return made_by(self.assets.get(asset.kind, asset.name, asset.version)) if asset else None

    def conclude(self, run: Run) -> Outcome:
        """Look at what a run read and left, and register what it says to register.

        All of it is derived from the run, so doing it again does nothing new. Raises Transient.
        """
        changed = tuple(read.input for read in run.reads if self._has_changed(read))
        writes: list[Written] = []
        for name, output in run.job.outputs.items():
            written = self._written(run, name, output)
            try:
                writes.append(self._registered(run, output, written))
            except Permanent as error:
                writes.append(written)
                problem = Problem("OutputNotRegistered", f"{name}: {error.message}", error.remedy)
                return Outcome(changed, tuple(writes), problem)
        return Outcome(changed, tuple(writes))

    def _has_changed(self, read: Read) -> bool:
        if read.content is None:
            return False
        try:
            present = self.contents.at(read.place, keep=False)
        except Permanent:
            return True  # the container is gone, or our right to it
        return present is None or not present.same(read.content)

    def _written(self, run: Run, name: str, output: Output) -> Written:
        asked = next((one for one in run.writes if one.output == name), None)
        written = Written(output=name, place=asked.place if asked else _kept(run, name, output))
        return replace(written, content=self.contents.at(written.place))

    def _registered(self, run: Run, output: Output, written: Written) -> Written:
        if output.name is None:
            return written
        if written.content is None:
            raise NotFound(
                "file" if not output.folder else "folder with files",
                written.place.uri,
                "The script has to write to ${{outputs." + written.output + "}}.",
            )
        document = document_of(
            output.type, written.place, written.content,
            description=output.description, made_by={"run": run.name, "output": written.output},
        )  # fmt: skip
        kind = kind_of(output.type)
        asset, _ = self.assets.register(kind, output.name, document, output.version)
        made = Registered(kind=kind, name=asset.name, version=asset.version)
        terms = output.promote_if
        judgement = self.promoter.judge(run, terms, made) if terms else None
        return replace(written, asset=made, promotion=judgement)

    def _found(self, names: Sequence[str]) -> Iterator[Run]:
        for name in names:
            try:
                yield self.runs.load(name).run
            except NotFound:
                continue


def document_of(
    data_type: str,
    place: Place,
    content: Content | None,
    *,
    description: str | None = None,
    tags: dict[str, str] | None = None,
    properties: dict[str, str] | None = None,
    made_by: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What a version of data or of a model is, as the registry keeps it.

    made_by: {"run", "output"} when a run made it.
    """
    found = content and {
        "size": content.size, "files": content.files, "etag": content.etag,
        "md5": content.md5, "sha256": content.sha256, "manifest": content.manifest,
    }  # fmt: skip
    return {
        "type": data_type,
        "path": place.uri,
        "folder": place.folder,
        "description": description,
        "tags": tags or {},
        "properties": properties or {},
        "content": found,
        "made_by": made_by,
    }


def made_by(asset: Asset) -> str | None:
    """The run that made the version; None when somebody registered it by hand."""
    maker = asset.document.get("made_by")
    return str(maker["run"]) if maker else None


def _registered(asset: Asset) -> Registered:
    assert asset.kind != "environments", "only data and models have a lineage"
    return Registered(kind=asset.kind, name=asset.name, version=asset.version)


def _kept(run: Run, name: str, output: Output) -> Place:
    """The place of an output that is kept under its run."""
    return _under(run, f"outputs/{name}" + "/" * output.folder, folder=output.folder)


def _under(run: Run, below: str, *, folder: bool) -> Place:
    path = f"{run.name}/{run.attempt}/{below}"
    uri = str(DatastorePath("workspaceartifactstore", path))
    return Place(uri=uri, folder=folder, container=OUTPUTS, path=path)


def _uses(asset: Registered) -> str:
    return f"{_USES}/{asset.kind}/{asset.name}/{asset.version}"
