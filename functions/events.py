"""Run events off the bus, one at a time for each run: the session is the run's name."""

import azure.functions as func

from functions.messages import arrived, called
from shared import wire
from shared.ports.bus import EVENTS
from shared.wiring import product, telemetry

bp = func.Blueprint()


@bp.function_name("run_event")
@bp.service_bus_queue_trigger(
    arg_name="message",
    connection="RETRAIN_SERVICEBUS",
    queue_name=EVENTS,
    data_type=func.DataType.BINARY,
    is_sessions_enabled=True,
)
def run_event(message: func.ServiceBusMessage) -> None:
    note = product().refusals.noted(arrived(EVENTS, message))
    with telemetry().call(called(EVENTS, message)), note:
        run, event = wire.decode_event(message.get_body())
        product().inbox.handle(run, event)
