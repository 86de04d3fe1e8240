"""Azure Batch's answers, given to the real client through a session of ours, without a socket."""

import json
from io import BytesIO
from typing import Any, Final

import requests
from azure.batch import BatchClient
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from shared.azure.retries import RetryEveryMethod

ENDPOINT: Final = "http://batch.invalid"


def refusal(status: int, code: str, message: str = "No.") -> tuple[int, dict[str, Any]]:
    """A refusal as the service words it: status and body."""
    return status, {"code": code, "message": {"lang": "en-US", "value": message}}


class Canned(HTTPAdapter):
    """Gives the answers in their order and remembers what was asked: `POST /jobs`.

    An answer that is an error is raised: there was none.
    """

    def __init__(self, *answers: tuple[int, dict[str, Any] | None] | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []

    def send(
        self, request: requests.PreparedRequest, *_: object, **__: object
    ) -> requests.Response:
        url = str(request.url).removeprefix(ENDPOINT).partition("?")[0]
        self.asked.append(f"{request.method} {url}")
        body = request.body if isinstance(request.body, str | bytes) else b""
        self.bodies.append(json.loads(body or b"{}"))
        given = self.answers.pop(0)
        if isinstance(given, Exception):
            raise given
        status, answer = given
        content = b"" if answer is None else json.dumps(answer).encode()
        headers = HTTPHeaderDict({"Content-Type": "application/json; odata=minimalmetadata"})
        headers["Content-Length"] = str(len(content))
        raw = HTTPResponse(BytesIO(content), headers=headers, status=status, preload_content=False)
        return self.build_response(request, raw)

    def client(self) -> BatchClient:
        session = requests.Session()
        session.mount("http://", self)
        credential = AzureNamedKeyCredential("retrainlocal", "a2V5")
        return BatchClient(
            ENDPOINT,
            credential,
            transport=RequestsTransport(session=session, session_owner=False),
            retry_policy=RetryEveryMethod(retry_total=2, retry_backoff_factor=0.01),
        )
