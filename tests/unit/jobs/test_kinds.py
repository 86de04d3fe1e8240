"""One way in for documents of every kind: what each is taken for, and what is said of the rest."""

from typing import Any

import pytest

from shared.jobs import KINDS, CommandJob, InvalidDocument, Schedule, parse_document
from shared.jobs.kinds import NOT_YET, WORDS, kind_of

SCHEMAS = "https://azuremlschemas.azureedge.net/latest/"
JOB = {"command": "echo", "environment": {"image": "python"}}
CRON = {"type": "cron", "expression": "0 3 * * *"}


def schema(name: str) -> dict[str, Any]:
    return {"$schema": f"{SCHEMAS}{name}.schema.json"}


#: The document, and the kind it is taken for.
TOLD: dict[str, tuple[dict[str, Any], str | None]] = {
    "a job by its command": (JOB, "job"),
    "a job by its component": ({"component": "./c.yml"}, "job"),
    "a job by its environment": ({"comand": "a", "environment": "azureml:a:1"}, "job"),
    "a job by type": ({"type": "command"}, "job"),
    "a job by type, in capitals": ({"type": "Command"}, "job"),
    "a job by schema": (schema("commandJob"), "job"),
    "a schema in a folder": ({"$schema": "./schemas/commandJob.schema.json"}, "job"),
    "a component by schema": ({**schema("CommandComponent"), "type": "command"}, "component"),
    "a component by its version": ({"type": "command", "version": 1, "command": "a"}, "component"),
    "a component that is deterministic": ({"command": "a", "is_deterministic": True}, "component"),
    "a schedule by schema": (schema("schedule"), "schedule"),
    "a schedule by its fields": ({"trigger": CRON, "create_job": JOB}, "schedule"),
    "an environment by schema": (schema("environment"), "environment"),
    "an environment by its image": ({"name": "a", "image": "python"}, "environment"),
    "a data asset by schema": (schema("data"), "data"),
    "a data asset by type": ({"type": "uri_folder", "path": "a"}, "data"),
    "a model by type": ({"type": "mlflow_model", "path": "a"}, "model"),
    "a compute by schema": ({**schema("amlCompute"), "type": "amlcompute"}, "compute"),
    "a compute by type": ({"type": "computeinstance"}, "compute"),
    "a datastore by schema": (schema("azureBlob"), "datastore"),
    "a datastore by type": ({"type": "azure_data_lake_gen2"}, "datastore"),
    "a pipeline by its jobs": ({"jobs": {"a": JOB}}, "pipeline jobs"),
    "a pipeline component": (schema("pipelineComponent"), "pipeline components"),
    "an automl job": (schema("autoMLJob"), "automl jobs"),
    "an endpoint": (schema("managedOnlineEndpoint"), "endpoints"),
    "nothing known": ({"name": "a"}, None),
    "an unknown schema": (schema("cake"), None),
    "a schema that is no text": ({"$schema": 3}, None),
}


@pytest.mark.parametrize(("document", "kind"), TOLD.values(), ids=TOLD)
def test_a_document_tells_its_kind(document: dict[str, Any], kind: str | None) -> None:
    assert kind_of(document) == kind
    assert kind is None or kind in WORDS or kind in NOT_YET


def test_a_kind_becomes_its_model() -> None:
    assert isinstance(parse_document(JOB), CommandJob)
    schedule = {"name": "a", "trigger": CRON, "create_job": JOB}
    assert isinstance(parse_document(schedule), Schedule)


def test_every_kind_with_a_model_has_words() -> None:
    assert set(KINDS) <= set(WORDS)


REFUSED: dict[str, tuple[Any, str | None, str]] = {
    "a list": ([], None, "must be a mapping"),
    "an untold one": ({"name": "a"}, None, "nothing tells what it is; write `type:`"),
    "an unknown type": ({"type": "comand"}, None, "type: there is no type 'comand'"),
    "a sweep": ({"type": "sweep"}, None, "type: sweep jobs are not supported yet; start a"),
    "an endpoint": (schema("batchEndpoint"), None, "$schema: endpoints are not supported yet"),
    "a schedule where a job is wanted": (
        {"trigger": CRON, "create_job": JOB},
        "job",
        "this is a schedule, not a job; create it with `retrain schedule create -f`",
    ),
    "a schedule of a pipeline": (
        {"name": "a", "trigger": CRON, "create_job": {"type": "pipeline"}},
        None,
        "create_job.type: pipeline jobs are not supported yet",
    ),
    "a schedule with a job that is wrong": (
        {"name": "a", "trigger": CRON, "create_job": {**JOB, "command": "${{inputs.a}}"}},
        None,
        "create_job.command: ${{inputs.a}} stands for nothing",
    ),
}


@pytest.mark.parametrize(("document", "wanted", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(document: Any, wanted: str | None, said: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_document(document, wanted)
    assert said in str(refused.value)


def test_what_has_no_model_yet_is_refused_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.jobs.documents.KINDS", {"job": KINDS["job"]})
    with pytest.raises(InvalidDocument, match="a data asset is not supported yet"):
        parse_document(schema("data"))
