"""Environments by name: registered, looked up for jobs, and built before a job needs them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from shared.app.assets import Asset, Assets, Listed
from shared.app.documents import checked as parsed
from shared.app.image_builds import BuildRecord, ImageBuilds, ImageState
from shared.domain.errors import Invalid, Permanent
from shared.jobs import (
    CommandJob,
    Environment,
    check_sent,
    dump_environment,
    parse_environment,
)
from shared.jobs.references import AssetReference, parse_asset_reference

_KIND: Final = "environments"


@dataclass(frozen=True, slots=True)
class Environments:
    assets: Assets
    builds: ImageBuilds
    now: Callable[[], datetime]

    def create(self, document: Mapping[str, Any]) -> tuple[Asset, bool]:
        """Register the document under its name; True when it is new.

        Raises Invalid, and Taken when the version stands for something else.
        """
        environment = checked(document)
        if environment.reference is not None or environment.name is None:
            raise Invalid("An environment needs a name.", remedy="Write `name:` in the document.")
        name, version = _checked_name(environment.name, environment.version)
        content = dump_environment(environment)
        content.pop("name"), content.pop("version", None)
        return self.assets.register(_KIND, name, content, version)

    def names(self) -> Sequence[Listed]:
        return self.assets.names(_KIND)

    def get(self, reference: AssetReference) -> Asset:
        """Raises NotFound."""
        return self.assets.resolve(_KIND, reference)

    def archive(self, name: str, version: str | None, *, back: bool) -> None:
        """Raises NotFound, Conflict."""
        self.assets.archive(_KIND, name, version, back=back)

    def built(self, asset: Asset) -> BuildRecord | None:
        """The last build of its image, if there was one."""
        return self.builds.record(environment_of(asset).key)

    def resolved(self, job: CommandJob) -> CommandJob:
        """The job with the registered environment itself in the place of its name.

        Raises NotFound, Invalid.
        """
        if job.environment.reference is None:
            return job
        return job.model_copy(update={"environment": self.meant(job.environment)})

    def meant(self, environment: Environment) -> Environment:
        """What a reference stands for this moment; anything else is itself. Raises NotFound."""
        if environment.reference is None:
            return environment
        return environment_of(self.get(_reference(environment.reference)))

    def build(self, written: Mapping[str, Any] | str, *, afresh: bool) -> tuple[str, ImageState]:
        """The key of the environment, and how its image stands, which is built unless it is there.

        afresh: a build that failed before is tried again. Raises Invalid, NotFound, Transient.
        """
        environment = self.meant(checked(written))
        if not environment.needs_build:
            return environment.key, ImageState("ready", environment.base)
        asker = f"asked-{self.now().isoformat()}"
        try:
            state = self.builds.ensure(environment.recipe, asker, afresh=afresh)
        except Permanent as refusal:
            state = ImageState("failed", reason=f"{refusal} {refusal.remedy}".strip())
        return environment.key, state


def checked(written: Mapping[str, Any] | str) -> Environment:
    """The environment, with nothing of it on its author's disk. Raises Invalid."""
    environment = parsed(parse_environment, written)
    parsed(check_sent, environment)
    return environment


def environment_of(asset: Asset) -> Environment:
    """What a version is; on a run's record it keeps its name."""
    whole = {**asset.document, "name": asset.name, "version": asset.version}
    return parse_environment(whole)


def _reference(text: str) -> AssetReference:
    try:
        return parse_asset_reference(text)
    except ValueError as error:
        raise Invalid(f"{error}.", remedy="Write azureml:<name>:<version>.") from error


def _checked_name(name: str, version: str | None) -> tuple[str, str | None]:
    which = f":{version}" if version is not None else ""
    found = replace(_reference(f"azureml:{name}{which}"))
    return found.name, found.version
