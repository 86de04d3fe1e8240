"""The command job: one command, run once, in one container, on one node."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shared.jobs.datastore import is_datastore_uri, parse_datastore_path
from shared.jobs.document import Document
from shared.jobs.environment import EnvironmentField
from shared.jobs.inputs import Input, is_remote
from shared.jobs.notifications import Notifications
from shared.jobs.outputs import OptionalOutput
from shared.jobs.problems import refusal
from shared.jobs.text import Identifier, NonEmptyText, ScalarText, Text, VariableName

_COMPUTE = re.compile(r"(azureml:)?[A-Za-z][A-Za-z0-9_-]{0,63}")
_RESERVED = ("AZ_BATCH_", "AZURE_ML_INPUT_", "AZURE_ML_OUTPUT_", "RETRAIN_")
_ONE_NODE = "leave it out: a job runs as one process on one node in this version"


def _one_node(count: int) -> int:
    if count != 1:
        raise refusal("more than one node is not supported yet", "write `instance_count: 1`")
    return count


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


def _empty_is_none_given(value: Any) -> Any:
    return {} if value is None else value


def _in_small_letters(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class Limits(Document):
    """How long the job may take."""

    timeout: Annotated[int, Field(gt=0, le=518_400)] | None = Field(
        default=None, description="Seconds from the start of the command, 1 to 518,400 (6 days)."
    )


class Resources(Document):
    """What the job asks of its node."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "shm_size": "leave it out: the container has its engine's default",
        "docker_args": "leave it out: the container's options are Retrain's own",
        "docker_args_list": "leave it out: the container's options are Retrain's own",
        "locations": "leave it out: jobs run in the Batch account's region",
        "max_instance_count": _ONE_NODE,
        "properties": "leave it out",
    }

    instance_count: Annotated[int, AfterValidator(_one_node)] = Field(
        default=1, description="Number of nodes; 1 in this version."
    )
    instance_type: NonEmptyText | None = Field(
        default=None, description="VM size, for example Standard_D2s_v3; else the compute's own."
    )


class Command(Document):
    """What runs, and where it runs in: what a command job and a command component share."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "distribution": _ONE_NODE,
        "identity": "leave it out: inputs and outputs come with their own short-lived keys",
        "services": "leave it out: read the live log with `retrain job stream`",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    type: Annotated[Literal["command"], BeforeValidator(_in_small_letters)] = Field(
        default="command", description="The kind of job."
    )
    display_name: Text | None = Field(default=None, description="For people; need not be unique.")
    description: Text | None = Field(default=None, description="For people.")
    tags: Annotated[dict[str, ScalarText], BeforeValidator(_empty_is_none_given)] = Field(
        default={}, description="For people and for filtering."
    )
    properties: Annotated[dict[str, ScalarText], BeforeValidator(_empty_is_none_given)] = Field(
        default={}, description="For programs; kept on the run."
    )
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
        BeforeValidator(_empty_is_none_given),
    ] = Field(default={}, description="Set for the command; 32 KiB at most each.")
    resources: Resources = Field(default=Resources(), description="What the job asks of its node.")


class CommandJob(Command):
    """A job of type `command`, as in Azure ML's CLI v2."""

    not_yet: ClassVar[Mapping[str, str]] = {
        **Command.not_yet,
        "queue_settings": "leave it out",
        "parent_job_name": "leave it out",
        "outputs_settings": "leave it out",
    }

    name: Identifier | None = Field(
        default=None, description="1 to 64 letters, digits, - and _; Retrain gives one when absent."
    )
    experiment_name: NonEmptyText = Field(
        default="Default", description="Group the run is listed under."
    )
    inputs: Annotated[dict[VariableName, Input], BeforeValidator(_empty_is_none_given)] = Field(
        default={}, description="Literals and data by name."
    )
    outputs: Annotated[
        dict[VariableName, OptionalOutput], BeforeValidator(_empty_is_none_given)
    ] = Field(default={}, description="Declared outputs by name; null is a folder.")
    limits: Limits = Field(default=Limits(), description="How long the job may take.")
    notifications: Notifications = Field(
        default=[], description="Retrain's own: addresses to tell of the run's end; 5 at most."
    )
    compute: Annotated[Text, AfterValidator(_compute)] | None = Field(
        default=None,
        description="Where it runs: `local`, or `azureml:<name>`; else the default compute.",
    )
