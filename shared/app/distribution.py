"""What the launcher on the nodes of a distributed job is told."""

import json
from typing import Any, Final

from shared.domain.keys import digest
from shared.domain.run import Run
from shared.jobs import CommandJob
from shared.jobs.distribution import TensorFlowDistribution, process_counts
from shared.node import launcher

#: The first node listens on one of so many ports; locally, where all nodes are one machine, other
#: jobs' first nodes may have some of them.
PORTS: Final = 8
_FIRST_PORT: Final = 20_000
_SPAN: Final = 10_000


def is_distributed(job: CommandJob) -> bool:
    """Whether the job is more than one plain process, or wants to be told that it isn't."""
    return job.distribution is not None or job.resources.instance_count > 1


def distribution_variables(run: Run) -> dict[str, str]:
    """For the environment of each node; nothing for a job of one plain process."""
    if not is_distributed(run.job):
        return {}
    distribution, nodes = run.job.distribution, run.job.resources.instance_count
    counts = process_counts(distribution, nodes)
    start = _FIRST_PORT + int(digest(run.key)[:8], 16) % _SPAN
    plan: dict[str, Any] = {
        "type": distribution.type if distribution else "pytorch",
        "counts": counts,
        "token": run.key,
        "ports": [start + number for number in range(PORTS)] if nodes > 1 else [],
    }
    if isinstance(distribution, TensorFlowDistribution):
        plan["workers"] = sum(counts) - distribution.parameter_server_count
    return {"RETRAIN_LAUNCHER": launcher(), "RETRAIN_DISTRIBUTION": json.dumps(plan)}
