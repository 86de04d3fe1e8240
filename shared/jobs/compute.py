"""A named compute: nodes that several runs share, and how many of them there may be."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails

from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.resources import vm_size
from shared.jobs.text import NonEmptyText, Tags, Text, in_small_letters

#: Names that need no compute of that name: Azure ML's word for "find me a node", and ours.
BUILT_IN: Final = ("serverless", "local")
#: Nodes that can talk to each other are kept together by the service, which it does for so many.
MOST_TOGETHER: Final = 100
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_OTHER_TYPES: Final[Mapping[str, str]] = {
    "computeinstance": "a run gets a node of its own when it needs one; to work by hand on one "
    "machine, start `retrain up` there",
    "virtualmachine": "write `type: amlcompute` with the machine's `size`, or run there with "
    "`retrain up`",
    "synapsespark": "run spark-submit in a command job whose image has it",
    "kubernetes": "write `type: amlcompute` with a VM `size`",
}
_NO_LOGIN = "leave it out: nobody logs in to a node; `retrain job stream` shows what a run says"
_NETWORK = "leave it out: nodes are in the network that Azure Batch gives them"


def compute_name(name: str) -> str:
    """1 to 32 letters, digits, - and _, a letter first. Case makes no other compute."""
    if not _NAME.fullmatch(name):
        raise refusal(
            f"'{name}' can't be a compute's name",
            "use 1 to 32 letters, digits, - and _, beginning with a letter",
        )
    if name.lower() in BUILT_IN:
        raise refusal(f"'{name}' is built in", "use another name")
    return name


def _tier(value: Any) -> Any:
    return value.lower().replace("lowpriority", "low_priority") if isinstance(value, str) else value


class AmlCompute(Document):
    """A compute of type `amlcompute`, as in Azure ML's CLI v2."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "ssh_settings": _NO_LOGIN,
        "ssh_public_access_enabled": _NO_LOGIN,
        "identity": "leave it out: inputs and outputs come with their own short-lived addresses",
        "network_settings": _NETWORK,
        "enable_node_public_ip": _NETWORK,
        "subnet": _NETWORK,
        "enable_sso": _NO_LOGIN,
        "properties": "use `tags`",
        "resource_id": "leave it out: the compute is made in this deployment's Batch account",
        "schedules": "leave it out: without work the compute falls to min_instances by itself",
    }

    schema_: str | None = Field(
        default=None, alias="$schema", description="Ignored, as for editors only."
    )
    name: Annotated[Text, AfterValidator(compute_name)] = Field(
        description="1 to 32 letters, digits, - and _; jobs say `compute: azureml:<name>`."
    )
    type: Annotated[Literal["amlcompute"], BeforeValidator(in_small_letters)] = Field(
        default="amlcompute", description="The kind of compute."
    )
    size: Annotated[Text, AfterValidator(vm_size)] | None = Field(
        default=None, description="VM size, such as Standard_D2s_v3; else the deployment's own."
    )
    min_instances: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="Nodes that are kept, and paid for, without work; 0 to 1,000."
    )
    max_instances: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="Most nodes at once, each for one run at a time; 1 to 1,000."
    )
    idle_time_before_scale_down: Annotated[int, Field(ge=0, le=86_400)] = Field(
        default=120, description="Seconds without work before nodes are given back, 0 to 86,400."
    )
    tier: Annotated[Literal["dedicated", "low_priority"], BeforeValidator(_tier)] = Field(
        default="dedicated", description="low_priority nodes are cheap, and may be taken away."
    )
    location: NonEmptyText | None = Field(
        default=None, description="Azure region; only the Batch account's own is possible."
    )
    description: Text | None = Field(default=None, description="For people.")
    tags: Tags = Field(default={}, description="For people.")

    @property
    def key(self) -> str:
        """The name as everything that tells one compute from another uses it."""
        return self.name.lower()

    @model_validator(mode="wrap")
    @classmethod
    def _only_this_type(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        kind = value.get("type") if isinstance(value, Mapping) else None
        remedy = _OTHER_TYPES.get(kind.lower()) if isinstance(kind, str) else None
        if remedy is None:
            return handler(value)
        # Of another type's own fields nothing is said: none of them would help.
        wrong = refusal(f"compute of type '{kind}' is not supported yet", remedy)
        detail = InitErrorDetails(type=wrong, loc=("type",), input=kind)
        raise ValidationError.from_exception_data(cls.__name__, [detail])

    @model_validator(mode="after")
    def _in_order(self) -> "AmlCompute":
        if self.min_instances > self.max_instances:
            wrong = refusal(
                f"{self.min_instances} is above max_instances, {self.max_instances}",
                "lower it, or raise max_instances",
            )
            detail = InitErrorDetails(type=wrong, loc=("min_instances",), input=None)
            raise ValidationError.from_exception_data("compute", [detail])
        return self


def named_compute(compute: str | None) -> str | None:
    """The key of the compute that a job names; None when a node of its own will do."""
    key = (compute or BUILT_IN[0]).removeprefix("azureml:").lower()
    return None if key in BUILT_IN else key
