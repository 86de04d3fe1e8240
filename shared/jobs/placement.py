"""What is wrong with where a job is to run, when each of its fields is right by itself."""

from collections.abc import Iterator

from pydantic_core import PydanticCustomError

from shared.jobs.command import Command, CommandJob
from shared.jobs.compute import named_compute
from shared.jobs.distribution import process_counts
from shared.jobs.problems import Problem
from shared.jobs.resources import vm_size


def placement_problems(job: CommandJob) -> Iterator[Problem]:
    """Of a whole job: nodes, processes, tier and VM size that don't go together."""
    yield from command_placement_problems(job)
    settings = job.queue_settings
    if settings and settings.job_tier and named_compute(job.compute):
        yield Problem(
            ("queue_settings", "job_tier"),
            "a named compute has a tier of its own",
            "leave it out, or leave out `compute`",
        )


def command_placement_problems(command: Command) -> Iterator[Problem]:
    """The same of what a job and a component share."""
    resources = command.resources
    if resources.instance_type is not None:
        try:
            vm_size(resources.instance_type)
        except PydanticCustomError as wrong:
            remedy = (wrong.context or {}).get("remedy", "")
            yield Problem(("resources", "instance_type"), wrong.message(), remedy)
    nodes = resources.instance_count
    if 0 in process_counts(command.distribution, nodes):
        yield Problem(
            ("distribution",),
            f"there are fewer processes than the {nodes} nodes",
            "lower resources.instance_count, or raise worker_count",
        )
