"""What kind of document it is, from `type`, `$schema`, or what only that kind has."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.jobs.problems import Field, InvalidDocument, Problem


@dataclass(frozen=True, slots=True)
class Words:
    """How a kind is called in a sentence, and the command that takes its files."""

    called: str
    command: str


#: The kinds of documents there are here. Which of them have a model says `shared.jobs.documents`.
WORDS: Final[Mapping[str, Words]] = {
    "job": Words("a job", "retrain job create -f"),
    "component": Words("a command component", "retrain job create -f"),
    "schedule": Words("a schedule", "retrain schedule create -f"),
    "environment": Words("an environment", "retrain environment create -f"),
    "data": Words("a data asset", "retrain data create -f"),
    "model": Words("a model", "retrain model create -f"),
    "compute": Words("a compute", "retrain compute create -f"),
    "datastore": Words("a datastore", "retrain datastore create -f"),
}
#: Kinds that Azure ML has and Retrain does not yet have: what to do instead.
NOT_YET: Final[Mapping[str, str]] = {
    "pipeline jobs": "write each step as a command job of its own",
    "sweep jobs": "start a command job for each choice, with `--set inputs.<name>=<value>`",
    "automl jobs": "write the training as a command job",
    "spark jobs": "run spark-submit in a command job whose image has it",
    "parallel jobs": "split the data in the script of a command job",
    "import jobs": "upload the data with `retrain data upload`",
    "finetuning jobs": "write the training as a command job",
    "pipeline components": "write each step as a command job of its own",
    "spark components": "run spark-submit in a command component whose image has it",
    "parallel components": "split the data in the script of a command component",
    "workspaces": "Retrain has none: one deployment is one workspace",
    "endpoints": "Retrain trains models; get one with `retrain job download` and serve it",
    "deployments": "Retrain trains models; get one with `retrain job download` and serve it",
    "registries": "register assets in this deployment",
    "feature stores": "make the features in a command job",
    "connections": "name the data by its own address",
}
_BY_SCHEMA: Final[Mapping[str, str]] = {
    "commandjob": "job",
    "commandcomponent": "component",
    "schedule": "schedule",
    "environment": "environment",
    "data": "data",
    "dataset": "data",
    "model": "model",
    "compute": "compute",
    "amlcompute": "compute",
    "computeinstance": "compute",
    "kubernetescompute": "compute",
    "vmcompute": "compute",
    "synapsesparkcompute": "compute",
    "datastore": "datastore",
    "azureblob": "datastore",
    "azurefile": "datastore",
    "azuredatalakegen1": "datastore",
    "azuredatalakegen2": "datastore",
    "onelake": "datastore",
    "pipelinejob": "pipeline jobs",
    "sweepjob": "sweep jobs",
    "automljob": "automl jobs",
    "sparkjob": "spark jobs",
    "paralleljob": "parallel jobs",
    "importjob": "import jobs",
    "finetuningjob": "finetuning jobs",
    "pipelinecomponent": "pipeline components",
    "sparkcomponent": "spark components",
    "parallelcomponent": "parallel components",
    "workspace": "workspaces",
    "hub": "workspaces",
    "managedonlineendpoint": "endpoints",
    "kubernetesonlineendpoint": "endpoints",
    "serverlessendpoint": "endpoints",
    "batchendpoint": "endpoints",
    "managedonlinedeployment": "deployments",
    "kubernetesonlinedeployment": "deployments",
    "batchdeployment": "deployments",
    "modelbatchdeployment": "deployments",
    "pipelinecomponentbatchdeployment": "deployments",
    "registry": "registries",
    "featurestore": "feature stores",
    "featureset": "feature stores",
    "featurestoreentity": "feature stores",
    "connection": "connections",
    "workspaceconnection": "connections",
}
_BY_TYPE: Final[Mapping[str, str]] = {
    "command": "job",
    "pipeline": "pipeline jobs",
    "sweep": "sweep jobs",
    "automl": "automl jobs",
    "spark": "spark jobs",
    "parallel": "parallel jobs",
    "import": "import jobs",
    "finetuning": "finetuning jobs",
    "fine_tuning": "finetuning jobs",
    "uri_file": "data",
    "uri_folder": "data",
    "mltable": "data",
    "mlflow_model": "model",
    "custom_model": "model",
    "triton_model": "model",
    "amlcompute": "compute",
    "computeinstance": "compute",
    "virtualmachine": "compute",
    "synapsespark": "compute",
    "kubernetes": "compute",
    "azure_blob": "datastore",
    "azure_file": "datastore",
    "azure_data_lake_gen1": "datastore",
    "azure_data_lake_gen2": "datastore",
    "one_lake": "datastore",
}
_SCHEMA = re.compile(r"(?:.*/)?(\w+)\.schema\.json")
_OF_JOBS = ("command", "component", "environment")
#: Fields of a command component that a command job does not have.
_OF_COMPONENTS = ("version", "is_deterministic")


def kind_of(document: Mapping[str, Any]) -> str | None:
    """A key of WORDS or of NOT_YET, from `$schema`, or else `type`, or else what only that kind
    has. None when nothing tells."""
    by_schema, by_type = _schema_kind(document), _type_kind(document)
    if by_schema and by_schema != "job":
        return by_schema  # a command component is of `type: command` too
    kind = by_type or by_schema or _told_by_fields(document)
    if kind == "job" and any(name in document for name in _OF_COMPONENTS):
        return "component"
    return kind


def _schema_kind(document: Mapping[str, Any]) -> str | None:
    schema = document.get("$schema")
    named = _SCHEMA.fullmatch(schema) if isinstance(schema, str) else None
    return _BY_SCHEMA.get(named[1].lower()) if named else None


def _type_kind(document: Mapping[str, Any]) -> str | None:
    kind = document.get("type")
    return _BY_TYPE.get(kind.lower()) if isinstance(kind, str) else None


def _told_by_fields(document: Mapping[str, Any]) -> str | None:
    if "trigger" in document and ("create_job" in document or "create_monitor" in document):
        return "schedule"
    if any(name in document for name in _OF_JOBS):
        return "job"
    if isinstance(document.get("jobs"), Mapping):
        return "pipeline jobs"
    if "trial" in document and "search_space" in document:
        return "sweep jobs"
    if "image" in document or "conda_file" in document or "build" in document:
        return "environment"
    return None


def check_kind(document: Any, wanted: str, field: Field = ()) -> None:
    """Raise InvalidDocument when the document is plainly of another kind than `wanted`.

    A command component is told from a command job by nothing sure, so the one is taken for the
    other where either is wanted by name.
    """
    if not isinstance(document, Mapping):
        raise InvalidDocument([Problem(field, "must be a mapping", "write `name: value` lines")])
    kind = kind_of(document)
    if kind in (None, wanted):
        _check_type_word(document, wanted, field)
    elif kind in NOT_YET:
        raise InvalidDocument([not_yet(document, kind, field)])
    elif kind != wanted and {kind, wanted} != {"job", "component"}:
        message = f"this is {WORDS[kind].called}, not {WORDS[wanted].called}"
        remedy = f"create it with `{WORDS[kind].command}`"
        raise InvalidDocument([Problem(_teller(document, field), message, remedy)])


def not_yet(document: Mapping[str, Any], kind: str, field: Field = ()) -> Problem:
    """What is said of a document of a kind in NOT_YET."""
    return Problem(_teller(document, field), f"{kind} are not supported yet", NOT_YET[kind])


def _check_type_word(document: Mapping[str, Any], wanted: str, field: Field) -> None:
    word = document.get("type")
    if isinstance(word, str) and word.lower() not in _BY_TYPE and wanted in ("job", "component"):
        message = f"there is no job type '{word}'"
        raise InvalidDocument([Problem((*field, "type"), message, "write `type: command`")])


def _teller(document: Mapping[str, Any], field: Field) -> Field:
    """The field that tells the kind; the document itself when it is told by what it has."""
    if _schema_kind(document) not in (None, "job"):
        return (*field, "$schema")
    return (*field, "type") if _type_kind(document) else field
