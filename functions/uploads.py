"""Blobs that landed: users' data, and the marker of a task that ended."""

import azure.functions as func

from shared.wiring import product

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
    product().observer.landed(_path(blob))


def _path(blob: func.InputStream) -> str:
    """The trigger names a blob with its container in front."""
    return str(blob.name).partition("/")[2]
