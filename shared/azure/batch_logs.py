"""LiveLogs over azure-batch: the files of a task, while its node is there."""

from dataclasses import dataclass
from typing import cast

from azure.batch import BatchClient
from azure.core.exceptions import AzureError, HttpResponseError
from azure.core.rest import HttpResponse

from shared.azure.batch_models import TASK, job_id
from shared.azure.errors import translated

#: Answers that mean "nothing to read yet": no task, no node, no file.
_NOTHING = (404, 409)


@dataclass(frozen=True, slots=True)
class BatchLogs:
    """LiveLogs."""

    client: BatchClient

    def read(self, key: str, file: str, offset: int, limit: int) -> bytes | None:
        wanted = f"bytes={offset}-{offset + limit - 1}"
        try:
            return b"".join(
                self.client.download_task_file(job_id(key), TASK, file, ocp_range=wanted)
            )
        except HttpResponseError as error:
            if error.response is not None:
                # The SDK leaves the body of a refused stream unread, and its connection taken.
                cast(HttpResponse, error.response).close()
            if error.status_code == 416:
                return b""
            if error.status_code in _NOTHING:
                return None
            raise translated("Azure Batch", error) from error
        except AzureError as error:
            raise translated("Azure Batch", error) from error
