"""Timers: schedules that are due, and the watch over what no event told."""

import azure.functions as func

from shared.ports.telemetry import Call
from shared.wiring import product, telemetry

bp = func.Blueprint()


@bp.function_name("schedules_due")
@bp.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def schedules_due(timer: func.TimerRequest) -> None:
    """Every minute; a tick that comes late finds what fell due before it."""
    with telemetry().call(Call("schedules_due", "timer")):
        product().timetable.tick()


@bp.function_name("watch")
@bp.timer_trigger(arg_name="timer", schedule="%RETRAIN_WATCH%", run_on_startup=False)
def watch(timer: func.TimerRequest) -> None:
    """Every minute in the cloud; as RETRAIN_WATCH says."""
    with telemetry().call(Call("watch", "timer")):
        product().watch.tick()
    product().dead_letters.count()
