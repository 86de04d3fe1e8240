"""How many processes a job is, and what tells them of each other."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import in_small_letters

_Processes = Annotated[int, Field(ge=1, le=256)]


class PyTorchDistribution(Document):
    """Processes that torch.distributed finds by MASTER_ADDR, RANK, WORLD_SIZE and the like."""

    type: Annotated[Literal["pytorch"], BeforeValidator(in_small_letters)] = Field(
        description="The kind of distribution."
    )
    process_count_per_instance: _Processes = Field(
        default=1, description="Processes on each node, 1 to 256."
    )


class MpiDistribution(Document):
    """Processes that mpirun starts, or, in an image without it, that know OMPI_COMM_WORLD_RANK."""

    type: Annotated[Literal["mpi"], BeforeValidator(in_small_letters)] = Field(
        description="The kind of distribution."
    )
    process_count_per_instance: _Processes = Field(
        default=1, description="Processes on each node, 1 to 256."
    )


class TensorFlowDistribution(Document):
    """Processes that TensorFlow finds by TF_CONFIG."""

    type: Annotated[Literal["tensorflow"], BeforeValidator(in_small_letters)] = Field(
        description="The kind of distribution."
    )
    worker_count: _Processes | None = Field(
        default=None, description="Workers on all nodes together; else one on each node."
    )
    parameter_server_count: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0, description="Parameter servers on all nodes together."
    )


Distribution = PyTorchDistribution | MpiDistribution | TensorFlowDistribution
_MODELS: Mapping[str, type[Distribution]] = {
    "pytorch": PyTorchDistribution,
    "mpi": MpiDistribution,
    "tensorflow": TensorFlowDistribution,
}


def _read(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value if isinstance(value, Distribution) else _refused(None)
    kind = value.get("type")
    model = _MODELS.get(kind.lower()) if isinstance(kind, str) else None
    return model.model_validate(value) if model else _refused(kind)


def _refused(kind: Any) -> Any:
    remedy = f"write {{type: pytorch}}, or one of: {', '.join(_MODELS)}"
    if kind == "ray":
        raise refusal("type 'ray' is not supported yet", "start Ray in the command")
    raise refusal(f"there is no distribution '{kind}'" if kind else "has no `type`", remedy)


DistributionField = Annotated[Distribution, BeforeValidator(_read)]


def process_counts(distribution: Distribution | None, nodes: int) -> list[int]:
    """Processes on each node, in the order of the nodes; one each where nothing is said."""
    match distribution:
        case None:
            return [1] * nodes
        case TensorFlowDistribution():
            workers = distribution.worker_count or nodes
            total = workers + distribution.parameter_server_count
            return [total // nodes + (node < total % nodes) for node in range(nodes)]
        case _:
            return [distribution.process_count_per_instance] * nodes
