"""The command job: one command, run once, in one container, on one node."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shared.jobs.datastore import is_datastore_uri, parse_datastore_path
from shared.jobs.distribution import DistributionField
from shared.jobs.document import Document
from shared.jobs.environment import EnvironmentField
from shared.jobs.inputs import Input, is_remote
from shared.jobs.notifications import Notifications
from shared.jobs.outputs import OptionalOutput
from shared.jobs.problems import refusal
from shared.jobs.resources import QueueSettings, Resources
from shared.jobs.retry import Retry
from shared.jobs.text import (
    Identifier,
    NonEmptyText,
    ScalarText,
    Tags,
    Text,
    VariableName,
    few_or_none,
    in_small_letters,
)

_COMPUTE = re.compile(r"(azureml:)?[A-Za-z][A-Za-z0-9_-]{0,63}")
_RESERVED = ("AZ_BATCH_", "AZURE_ML_INPUT_", "AZURE_ML_OUTPUT_", "RETRAIN_")


def _compute(name: str) -> str:
    if name.startswith("azureml:/"):
        raise refusal("compute by its resource id is not supported yet", "write `azureml:<name>`")
    if not _COMPUTE.fullmatch(name):
        raise refusal(f"'{name}' is not a compute", "write `azureml:<name>` or `local`")
    return name


def _not_reserved(name: str) -> str:
    for prefix in _RESERVED:
        if name.startswith(prefix):
            raise refusal(f"names that begin with {prefix} are taken", "use another name")
    return name


def _not_blank(command: str) -> str:
    if not command.strip():
        raise refusal("is empty", "write what to run, for example `python train.py`")
    return command


def _code(place: str) -> str:
    if is_datastore_uri(place):
        return str(parse_datastore_path(place))
    if is_remote(place):
        raise refusal(
            f"code from elsewhere is not supported yet ('{place}')",
            "get it onto this machine and name its folder",
        )
    return place


class Limits(Document):
    """How long the job may take."""

    timeout: Annotated[int, Field(gt=0, le=518_400)] | None = Field(
        default=None, description="Seconds from the start of the command, 1 to 518,400 (6 days)."
    )


class Command(Document):
    """What runs, and where it runs in: what a command job and a command component share."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "identity": "leave it out: inputs and outputs come with their own short-lived keys",
        "services": "leave it out: read the live log with `retrain job stream`",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    type: Annotated[Literal["command"], BeforeValidator(in_small_letters)] = Field(
        default="command", description="The kind of job."
    )
    display_name: Text | None = Field(default=None, description="For people; need not be unique.")
    description: Text | None = Field(default=None, description="For people.")
    tags: Tags = Field(default={}, description="For people and for filtering.")
    properties: Tags = Field(default={}, description="For programs; kept on the run.")
    command: Annotated[NonEmptyText, AfterValidator(_not_blank)] = Field(
        description="Run by /bin/sh in a copy of `code`; 32 KiB at most."
    )
    code: Annotated[NonEmptyText, AfterValidator(_code)] | None = Field(
        default=None, description="The snapshot's datastore URI; in a user's file a folder or file."
    )
    additional_includes: list[NonEmptyText] = Field(
        default=[], description="Local files and folders put into the copy of `code`."
    )
    environment: EnvironmentField = Field(description="The image, and what is added to it.")
    environment_variables: Annotated[
        dict[Annotated[VariableName, AfterValidator(_not_reserved)], ScalarText],
        BeforeValidator(few_or_none),
    ] = Field(default={}, description="Set for the command; 32 KiB at most each.")
    resources: Resources = Field(default=Resources(), description="What the job asks of its nodes.")
    distribution: DistributionField | None = Field(
        default=None, description="How many processes it is, and what tells them of each other."
    )


class CommandJob(Command):
    """A job of type `command`, as in Azure ML's CLI v2."""

    not_yet: ClassVar[Mapping[str, str]] = {
        **Command.not_yet,
        "parent_job_name": "leave it out",
        "outputs_settings": "leave it out",
        "settings": "it is for pipelines; write `compute` and the like in the job itself",
    }

    name: Identifier | None = Field(
        default=None,
        description="Refused in a file: Retrain names runs itself. Use `display_name`.",
    )
    experiment_name: NonEmptyText = Field(
        default="Default", description="Group the run is listed under."
    )
    inputs: Annotated[dict[VariableName, Input], BeforeValidator(few_or_none)] = Field(
        default={}, description="Literals and data by name."
    )
    outputs: Annotated[dict[VariableName, OptionalOutput], BeforeValidator(few_or_none)] = Field(
        default={}, description="Declared outputs by name; null is a folder."
    )
    limits: Limits = Field(default=Limits(), description="How long the job may take.")
    retry: Retry = Field(
        default=Retry(),
        # Left out of records, so that the Retrain of before reads those of jobs without it.
        exclude_if=lambda retry: retry == Retry(),
        description="Retrain's own: which failures are tried again, and how often.",
    )
    checkpoints: bool = Field(
        default=False,
        exclude_if=lambda checkpoints: not checkpoints,
        description="Retrain's own: whether ./checkpoints is kept while the script runs, and is "
        "there again when the run starts anew.",
    )
    notifications: Notifications = Field(
        default=[], description="Retrain's own: addresses to tell of the run's end; 5 at most."
    )
    compute: Annotated[Text, AfterValidator(_compute)] | None = Field(
        default=None,
        description="Where it runs: `local`, or `azureml:<name>`; else the default compute.",
    )
    queue_settings: QueueSettings | None = Field(
        default=None, description="How it waits for nodes, and whether for cheap ones."
    )
