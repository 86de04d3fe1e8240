"""What a node costs an hour, from a table with its date.

Prices change, and differ by contract: a sum that is made with them is an estimate, and always told
with the table's date. What the table doesn't have is unknown, never guessed.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain.errors import Invalid
from shared.domain.usage import Nodes

_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_STRICT: Final = ConfigDict(extra="forbid", frozen=True)


class Hourly(BaseModel):
    """Of one node.  spot: of nodes that may be taken away (tier low_priority)."""

    model_config = _STRICT

    dedicated: _Amount | None = None
    spot: _Amount | None = None


class Prices(BaseModel):
    """regions: region, then VM size.  default_region: whose prices stand for a region that the
    table doesn't have.  price: whose they are, `list price`.  as_of: when they were."""

    model_config = _STRICT

    as_of: str
    currency: str = "USD"
    price: str = "list price"
    source: str = ""
    default_region: str
    regions: Mapping[str, Mapping[str, Hourly]]

    def of(self, nodes: Nodes) -> tuple[float | None, str]:
        """What one of them costs an hour, and the region whose price it is; None is unknown."""
        region = nodes.region if nodes.region in self.regions else self.default_region
        wanted = nodes.vm_size.lower()
        for size, hourly in self.regions.get(region, {}).items():
            if size.lower() == wanted:
                spot = nodes.tier == "low_priority"
                return hourly.spot if spot else hourly.dedicated, region
        return None, region


def read_prices(text: str | bytes) -> Prices:
    """Raises Invalid, with the first thing that is wrong."""
    try:
        return Prices.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise Invalid(
            f"The table of prices can't be read: {where}: {first['msg']}.",
            remedy="Write it as shared/prices.json is written.",
            code="InvalidPrices",
        ) from error
