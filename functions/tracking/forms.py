"""Bodies that MLflow's client sends. Fields that it has and Retrain has no use for are let go."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, model_validator


def _ours(content: Any) -> Any:
    """Clients of old say run_uuid."""
    if isinstance(content, dict) and "run_id" not in content and "run_uuid" in content:
        return {**content, "run_id": content["run_uuid"]}
    return content


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("please specify value as a valid double (64-bit floating point)")
    return value


Number = Annotated[float, BeforeValidator(_no_bool)]


class RunForm(BaseModel):
    run_id: str

    _old_name = model_validator(mode="before")(_ours)


class Pair(BaseModel):
    key: str
    value: str = ""

    @property
    def both(self) -> tuple[str, str]:
        return self.key, self.value


class Metric(BaseModel):
    """value: NaN and infinity are words, as protobuf writes them.  timestamp: milliseconds."""

    key: str
    value: Number
    timestamp: int
    step: int = 0


class LogMetric(RunForm, Metric):
    pass


class LogPair(RunForm, Pair):
    pass


class LogBatch(RunForm):
    metrics: list[Metric] = []
    params: list[Pair] = []
    tags: list[Pair] = []


Descriptions = Annotated[list[dict[str, Any]], Field(max_length=1000)]


class LogInputs(RunForm):
    datasets: Descriptions = []
    models: Descriptions = []


class LogOutputs(RunForm):
    models: Descriptions = []


class DeleteTag(RunForm):
    key: str


class CreateRun(BaseModel):
    experiment_id: str = ""
    start_time: int | None = None
    run_name: str = ""
    tags: list[Pair] = []


class UpdateRun(RunForm):
    status: str = ""
    end_time: int | None = None
    run_name: str = ""


class SearchRuns(BaseModel):
    experiment_ids: list[str] = []
    filter: str = ""
    run_view_type: str = "ACTIVE_ONLY"
    max_results: Annotated[int, Field(ge=1, le=50_000)] = 1000
    order_by: list[str] = []
    page_token: str = ""


class SearchExperiments(BaseModel):
    max_results: Annotated[int, Field(ge=1, le=50_000)] = 1000
    filter: str = ""
    order_by: list[str] = []
    page_token: str = ""
    view_type: str = "ACTIVE_ONLY"


class CreateExperiment(BaseModel):
    name: str
    artifact_location: str = ""
    tags: list[Pair] = []


class BeginUpload(BaseModel):
    """path: of the file on the client's disk."""

    path: str
    num_parts: int = 1


class Part(BaseModel):
    part_number: int


class FinishUpload(BaseModel):
    path: str
    upload_id: str
    parts: list[Part] = []
