"""Training requests off the bus."""

import azure.functions as func

from functions.messages import arrived, called
from shared import wire
from shared.ports.bus import REQUESTS
from shared.wiring import product, telemetry

bp = func.Blueprint()


@bp.function_name("training_requested")
@bp.service_bus_queue_trigger(
    arg_name="message",
    connection="RETRAIN_SERVICEBUS",
    queue_name=REQUESTS,
    data_type=func.DataType.BINARY,  # as text, members of the body would overwrite the metadata
)
def training_requested(message: func.ServiceBusMessage) -> None:
    note = product().refusals.noted(arrived(REQUESTS, message))
    with telemetry().call(called(REQUESTS, message)), note:
        product().admission.admit(wire.decode_request(message.get_body()))
