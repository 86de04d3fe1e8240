"""`retrain up` and `retrain demo`: the whole stack on this machine."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from retrain.cli.options import AsJson
from retrain.problem import Problem


class EngineName(StrEnum):
    AUTO = "auto"
    PODMAN = "podman"
    DOCKER = "docker"
    NONE = "none"


Data = Annotated[Path, typer.Option(help="Folder of all state.", metavar="DIR")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 is any free port.", metavar="PORT")]
Watch = Annotated[bool, typer.Option("--watch", help="Reload the functions when they change.")]
PortFaults = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        help="Let faults be changed over HTTP on this port; 0 is any free one.",
        metavar="PORT",
        show_default="off",
    ),
]
FaultsFile = Annotated[
    Path | None,
    typer.Option("--faults", help="What is to go wrong; see docs/faults.md.", metavar="FILE"),
]
BatchSpeed = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=10_000,
        help="How much faster than the clock a compute's nodes come and go.",
        metavar="TIMES",
    ),
]
MaxNodes = Annotated[
    int | None,
    typer.Option(min=1, max=100_000, help="Nodes in use at once, at most.", show_default="any"),
]
MaxNodeHours = Annotated[
    float | None,
    typer.Option(min=0.01, help="Node-hours used in a day (UTC), at most.", show_default="any"),
]
Engine = Annotated[EngineName, typer.Option(help="What runs tasks; none: plain processes.")]


def up(
    data: Data = Path(".retrain"),
    port_api: Port = 7071,
    port_blob: Port = 10000,
    port_servicebus: Port = 5672,
    port_batch: Port = 10100,
    port_images: Port = 10200,
    faults: FaultsFile = None,
    port_faults: PortFaults = None,
    engine: Engine = EngineName.AUTO,
    batch_speed: BatchSpeed = 10.0,
    max_nodes: MaxNodes = None,
    max_node_hours_a_day: MaxNodeHours = None,
    watch: Watch = False,
    as_json: AsJson = False,
) -> None:
    """Start Retrain on this machine and keep it running until Ctrl-C."""
    from retrain.local.faults import Plan, read_plan
    from retrain.local.stack import Ports, StackFailed, StackOptions
    from retrain.local.up import up as run_until_ctrl_c

    ports = Ports(
        api=port_api,
        blob=port_blob,
        servicebus=port_servicebus,
        batch=port_batch,
        images=port_images,
        faults=port_faults,
    )
    plan = read_plan(faults) if faults else Plan()
    options = StackOptions(
        data=data,
        ports=ports,
        engine=engine.value,
        reload=watch,
        batch_speed=batch_speed,
        max_nodes=max_nodes,
        max_node_hours=max_node_hours_a_day,
        faults=plan,
    )
    try:
        run_until_ctrl_c(options, as_json=as_json)
    except StackFailed as error:
        raise Problem(str(error), error.remedy) from error


def demo(engine: Engine = EngineName.AUTO) -> None:
    """Show it all: a file lands, a model comes out, and no compute is left."""
    from retrain.demo import demo as show
    from retrain.local.stack import StackFailed

    try:
        show(engine=engine.value)
    except StackFailed as error:
        raise Problem(str(error), error.remedy) from error
