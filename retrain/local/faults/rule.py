"""What every rule has: a name, where it applies, and how often it strikes.

A service asks at its points ("this request is to be answered") with the facts of the moment; the
matches of a rule are counted from 1, and each match's verdict follows from its number alone.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Facts = Mapping[str, str]
#: Names compare without case, as the services' own ids do; `*`, `?` and `[…]` are wild.
Glob = Annotated[str, Field(min_length=1, max_length=1024)]


class Strict(BaseModel):
    """Nothing is guessed and nothing ignored."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Where(Strict):
    """Each field that is written must fit; a fact that the moment lacks fits nothing."""

    def fits(self, facts: Facts) -> bool:
        return all(
            name in facts and fnmatchcase(facts[name].lower(), str(glob).lower())
            for name, glob in self
            if glob is not None
        )


class Rule(Strict):
    """One fault and its terms. name: "" until a plan gives one.

    A kind of fault is a subclass, which says `service` and `kind`, each with the only value it has.
    Of its matches it leaves out the first `after`, then takes each `every`-th, with `probability`,
    until it has struck `times` times.
    """

    name: str = Field(default="", max_length=64, pattern=r"^[\w.-]*$")
    where: Any = Where()
    probability: float = Field(default=1.0, gt=0, le=1)
    times: int | None = Field(default=None, ge=1)
    after: int = Field(default=0, ge=0)
    every: int = Field(default=1, ge=1)

    @classmethod
    def kind_name(cls) -> str:
        """As plans write it."""
        return str(cls.model_fields["kind"].default)

    @classmethod
    def service_name(cls) -> str:
        """As plans write it."""
        return str(cls.model_fields["service"].default)

    def fits(self, facts: Facts) -> bool:
        """Whether it applies to what is happening."""
        fitting: bool = self.where.fits(facts)
        return fitting

    def due(self, match: int) -> bool:
        """Whether the dice are thrown for that match, counted from 1."""
        return match > self.after and (match - self.after) % self.every == 0

    def document(self) -> dict[str, Any]:
        """As a plan's file would say it, without what is by default."""
        said = self.model_dump(mode="json", exclude_defaults=True)
        head = {"name": self.name, "service": self.service_name(), "kind": self.kind_name()}
        return head | {name: value for name, value in said.items() if value != {}}
