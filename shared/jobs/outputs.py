"""What a job declares to leave behind. `./outputs` and `./logs` are kept without being declared."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from shared.jobs.document import Document
from shared.jobs.problems import refusal
from shared.jobs.text import Text

_KEPT = "outputs are kept under the run; get them with `retrain job download`"


def _known_type(kind: str) -> str:
    if kind in ("uri_file", "uri_folder"):
        return kind
    if kind in ("mltable", "mlflow_model", "custom_model", "triton_model"):
        raise refusal(f"type '{kind}' is not supported yet", "use uri_folder, and save into it")
    raise refusal(f"there is no output type '{kind}'", "use uri_file or uri_folder")


def _known_mode(mode: str) -> str:
    if mode in ("upload", "rw_mount"):
        return mode
    if mode in ("mount", "direct"):
        raise refusal(f"mode '{mode}' is not supported for outputs yet", "use `mode: upload`")
    raise refusal(f"there is no output mode '{mode}'", "use upload or rw_mount (the same here)")


class Output(Document):
    """A path in the command, `${{outputs.<name>}}`; what the script puts there is kept."""

    not_yet: ClassVar[Mapping[str, str]] = {
        "path": f"leave it out: {_KEPT}",
        "name": "leave it out: registering an output as an asset comes later",
        "version": "leave it out: registering an output as an asset comes later",
        "path_on_compute": "take the path from ${{outputs.<name>}}",
    }

    type: Annotated[str, AfterValidator(_known_type)] = Field(
        default="uri_folder",
        description="uri_file or uri_folder; a folder exists before the start.",
    )
    mode: Annotated[str, AfterValidator(_known_mode)] = Field(
        default="rw_mount",
        description="rw_mount or upload; both mean uploaded when the script has ended.",
    )
    description: Text | None = Field(default=None, description="For people.")


def _empty_is_folder(value: Any) -> Any:
    return {} if value is None else value


OptionalOutput = Annotated[Output, BeforeValidator(_empty_is_folder)]
