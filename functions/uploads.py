"""Blobs that landed: users' data, and the marker of a task that ended."""

import azure.functions as func

from shared.ports.telemetry import Call
from shared.wiring import product, telemetry

bp = func.Blueprint()


@bp.function_name("data_landed")
@bp.blob_trigger(
    arg_name="blob",
    path="data/{name}",
    connection="RETRAIN_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def data_landed(blob: func.InputStream) -> None:
    """A file in container `data`."""
    with telemetry().call(Call("data_landed", "datasource")):
        product().file_triggers.landed(_path(blob))


@bp.function_name("task_ended")
@bp.blob_trigger(
    arg_name="blob",
    path="outputs/{run}/{attempt}/ended",
    connection="RETRAIN_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def task_ended(blob: func.InputStream) -> None:
    """The last file that Batch uploads of a task."""
    with telemetry().call(Call("task_ended", "datasource")):
        product().observer.landed(_path(blob))


def _path(blob: func.InputStream) -> str:
    """The trigger names a blob with its container in front."""
    return str(blob.name).partition("/")[2]
