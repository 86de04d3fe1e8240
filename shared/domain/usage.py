"""What an attempt took of compute: which nodes, for how long, and how long its script ran there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from shared.domain.status import Status

_AT_WORK: Final = (Status.PREPARING, Status.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """The nodes of an attempt. vm_size: empty when nobody could tell.  region: such as `eastus`.

    compute: key of the named compute they belong to, None for nodes of the attempt's own.
    local: they are processes or containers on somebody's machine, and cost nothing.
    """

    vm_size: str
    count: int
    tier: Literal["dedicated", "low_priority"] = "dedicated"
    compute: str | None = None
    region: str = ""
    local: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """billed, used: seconds of one node, from 0 on; every node of an attempt is taken alike."""

    attempt: int
    nodes: Nodes
    taken_at: datetime
    released_at: datetime
    billed: float
    used: float

    @property
    def billed_node_seconds(self) -> float:
        return self.billed * self.nodes.count

    @property
    def used_node_seconds(self) -> float:
        return self.used * self.nodes.count


def usage(
    attempt: int,
    nodes: Nodes,
    moments: Sequence[tuple[Status, datetime]],
    released_at: datetime,
) -> Usage:
    """moments: the attempt's statuses with their beginnings, from its first Provisioning on; it
    comes again when a node was lost and the service looks for another one.

    Nodes of its own are counted from the moment they were asked for until Batch had accepted their
    deletion: a little more than Azure bills at the beginning, a little less at the end. Nodes of a
    named compute are there anyway: they are counted while the attempt had them. An attempt whose
    node never began to work got none, as far as anybody can tell, and is billed nothing.
    """
    stays = [
        (status, max(0.0, (end - at).total_seconds()))
        for (status, at), end in zip(
            moments, [*(at for _, at in moments[1:]), released_at], strict=True
        )
    ]
    at_work = sum(seconds for status, seconds in stays if status in _AT_WORK)
    seen = any(status in _AT_WORK for status, _ in stays)
    held = (released_at - moments[0][1]).total_seconds()
    return Usage(
        attempt=attempt,
        nodes=nodes,
        taken_at=moments[0][1],
        released_at=released_at,
        billed=at_work if nodes.compute else held if seen else 0.0,
        used=sum(seconds for status, seconds in stays if status is Status.RUNNING),
    )
