"""What a job asks of the nodes it runs on, and of the queue before them."""

import re
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import NonEmptyText, Text, in_small_letters

_MEMORY = re.compile(r"\d{1,12}[bkmg]?", re.IGNORECASE)
_SIZE = re.compile(r"(standard|basic)_[a-z0-9_-]+", re.IGNORECASE)


def vm_size(size: str) -> str:
    """A VM size by its form; whether there is one of that name only the service knows."""
    if not _SIZE.fullmatch(size):
        raise refusal(f"'{size}' is not a VM size", "write it like Standard_D2s_v3")
    return size


def _memory(text: str) -> str:
    if not _MEMORY.fullmatch(text):
        raise refusal(f"'{text}' is not a size of memory", "write it like 512m or 2g")
    return text


def _options(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise refusal(f"can't be split into options: {error}", "check its quotes") from None
    return text


class Resources(Document):
    """What the job asks of its nodes."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "docker_args_list": "write the options in one text, as `docker_args`",
        "locations": "leave it out: jobs run in the Batch account's region",
        "max_instance_count": "leave it out: a job has `instance_count` nodes from start to end",
        "properties": "leave it out",
    }

    instance_count: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Number of nodes, 1 to 100; the command runs on each of them."
    )
    instance_type: NonEmptyText | None = Field(
        default=None, description="VM size, for example Standard_D2s_v3; else the compute's own."
    )
    shm_size: Annotated[Text, AfterValidator(_memory)] | None = Field(
        default=None, description="Shared memory of the container: a number with b, k, m or g."
    )
    docker_args: Annotated[Text, AfterValidator(_options)] | None = Field(
        default=None, description="More options for `docker run`."
    )

    @property
    def container_options(self) -> str:
        """For the container engine; without a container they mean nothing."""
        shm = [f"--shm-size={self.shm_size}"] if self.shm_size else []
        return " ".join([*shm, *([self.docker_args] if self.docker_args else [])])


def _tier(value: Any) -> Any:
    value = in_small_letters(value)
    return "standard" if value in ("basic", "premium", "dedicated", "null") else value


class QueueSettings(Document):
    """How a job waits, and what for."""

    job_tier: Annotated[Literal["standard", "spot"], BeforeValidator(_tier)] | None = Field(
        default=None, description="spot: cheap nodes, which may be taken away; else standard."
    )
    priority: Annotated[Literal["low", "medium", "high"], BeforeValidator(in_small_letters)] = (
        Field(default="medium", description="Among those that wait for the same compute.")
    )
