"""Command components: what they may say, and the job that one becomes with its inputs given."""

from typing import Any

import pytest

from shared.jobs import (
    CommandComponent,
    CommandJob,
    InvalidDocument,
    LiteralInput,
    dump,
    parse_document,
    parse_job,
    parse_schedule,
)

IMAGE = {"image": "python"}
URI = "azureml://datastores/workspaceblobstore/paths/a.csv"
COMPONENT: dict[str, Any] = {
    "$schema": "https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json",
    "name": "train_wine",
    "version": 3,
    "display_name": "Train",
    "description": "Trains.",
    "type": "command",
    "tags": {"team": "wine"},
    "is_deterministic": False,
    "inputs": {
        "data": {"type": "uri_file", "mode": "download", "description": "The wines."},
        "rate": {"type": "number", "min": 0, "max": 1},
        "trees": {"type": "integer", "default": "100"},
        "kind": {"type": "string", "enum": ["a", "b"], "default": "a"},
        "note": {"type": "string", "optional": True},
    },
    "outputs": {"model": {"type": "uri_folder", "description": "The model."}},
    "code": "./src",
    "command": "train ${{inputs.data}} --rate ${{inputs.rate}} --trees ${{inputs.trees}} "
    "--kind ${{inputs.kind}} $[[--note ${{inputs.note}}]] --out ${{outputs.model}}",
    "environment": IMAGE,
    "environment_variables": {"A": "1", "B": "2"},
}
GIVEN = {"data": URI, "rate": 0.5}


def component(**fields: Any) -> dict[str, Any]:
    """COMPONENT with the fields changed; `...` leaves a field out."""
    return {name: value for name, value in (COMPONENT | fields).items() if value is not ...}


def test_a_component_is_read_and_written_alike() -> None:
    read = parse_document(COMPONENT)
    assert isinstance(read, CommandComponent)
    assert parse_document(dump(read), "component") == read


def test_a_job_of_a_component() -> None:
    job = parse_job(
        {
            "type": "command",
            "experiment_name": "wine",
            "component": COMPONENT,
            "inputs": {**GIVEN, "note": "x"},
            "outputs": {"model": {"mode": "upload"}},
            "environment_variables": {"B": "3"},
            "tags": {"by": "me"},
            "compute": "local",
        }
    )
    plain = dump(job)
    assert plain["command"] == COMPONENT["command"]
    assert plain["code"] == "./src"
    assert job.experiment_name == "wine"
    assert job.display_name == "Train"
    assert job.environment_variables == {"A": "1", "B": "3"}
    assert job.tags == {"team": "wine", "by": "me"}
    assert job.properties == {"component": "train_wine:3"}
    assert plain["inputs"]["data"] == {
        "type": "uri_file",
        "path": URI,
        "mode": "download",
        "optional": False,
        "description": "The wines.",
    }
    literals = {name: item for name, item in job.inputs.items() if isinstance(item, LiteralInput)}
    values = {name: item.default for name, item in literals.items()}
    assert values == {"rate": 0.5, "trees": 100, "kind": "a", "note": "x"}
    assert literals["rate"].max == 1
    assert plain["outputs"]["model"]["mode"] == "upload"
    assert plain["outputs"]["model"]["description"] == "The model."


def test_a_component_whose_inputs_have_values_is_a_job() -> None:
    whole = component(inputs={"trees": {"type": "integer", "default": 1}}, command="echo")
    assert parse_job(whole) == parse_job({"component": whole})


def test_a_data_input_is_given_as_in_a_job() -> None:
    given = {**GIVEN, "data": {"path": URI, "mode": "ro_mount"}}
    job = parse_job({"component": COMPONENT, "inputs": given})
    assert dump(job)["inputs"]["data"]["mode"] == "ro_mount"


def test_a_component_without_a_display_name_gives_its_name() -> None:
    job = parse_job({"component": component(display_name=...), "inputs": GIVEN})
    assert job.display_name == "train_wine"


def test_a_schedule_may_start_a_component() -> None:
    schedule = parse_schedule(
        {
            "name": "a",
            "trigger": {"type": "data", "path": "*.csv"},
            "create_job": {
                "component": COMPONENT,
                "inputs": {**GIVEN, "data": "${{trigger.path}}"},
            },
        }
    )
    assert isinstance(schedule.create_job, CommandJob)


#: What is changed in the component, the field that is named, and what is said.
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a name": ({"name": "3 wines"}, "name", "can't be a component's name"),
    "no command": ({"command": ...}, "command", "is required"),
    "a misspelt field": ({"is_determinstic": True}, "is_determinstic", "mean 'is_deterministic'"),
    "a job's field": ({"compute": "local"}, "compute", "unknown field"),
    "a path": (
        {"inputs": {"a": {"type": "uri_file", "path": "x"}}},
        "inputs.a",
        "a component's input has no path; give it in the job",
    ),
    "an untyped input": ({"inputs": {"a": {}}}, "inputs.a", "has no `type`"),
    "a bare input": ({"inputs": {"a": 3}}, "inputs.a", "has no `type`"),
    "an unknown type": ({"inputs": {"a": {"type": "cake"}}}, "inputs.a", "type"),
    "an unknown mode": ({"inputs": {"a": {"type": "uri_file", "mode": "x"}}}, "inputs.a", "mode"),
    "a default out of range": (
        {"inputs": {"rate": {"type": "number", "default": 2, "max": 1}}},
        "inputs.rate",
        "2 is above max, 1",
    ),
    "a default not in enum": (
        {"inputs": {"kind": {"type": "string", "default": "c", "enum": ["a"]}}},
        "inputs.kind",
        "'c' is not in enum",
    ),
    "a dangling binding": (
        {"command": "train ${{inputs.rat}}"},
        "command",
        "${{inputs.rat}} stands for nothing; did you mean ${{inputs.rate}}?",
    ),
    "an optional input outside a section": (
        {"command": "train ${{inputs.note}}"},
        "command",
        "is optional and has no value",
    ),
    "services": ({"services": {}}, "services", "not supported yet"),
}


@pytest.mark.parametrize(("fields", "field", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_component(fields: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_document(component(**fields))
    first = str(refused.value.problems[0])
    assert first.startswith(field)
    assert said in first


@pytest.mark.parametrize(("fields", "field", "said"), WRONG.values(), ids=WRONG)
def test_a_fault_of_a_component_in_a_job(fields: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job({"component": component(**fields)})
    assert said in str(refused.value) or "the component needs a value" in str(refused.value)


#: What the job says beside the component, the field that is named, and what is said.
UNSUITED: dict[str, tuple[dict[str, Any], str, str]] = {
    "an input left out": ({"inputs": {"data": URI}}, "inputs.rate", "needs a value for it; write"),
    "an unknown input": (
        {"inputs": {**GIVEN, "tree": 3}},
        "inputs.tree",
        "the component has no such input; did you mean 'trees'?",
    ),
    "an unknown output": ({"inputs": GIVEN, "outputs": {"x": None}}, "outputs.x", "it has: model"),
    "a value out of range": ({"inputs": {**GIVEN, "rate": 2}}, "inputs.rate", "above max"),
    "a value of another type": ({"inputs": {**GIVEN, "rate": "x"}}, "inputs.rate", "of type"),
    "a choice that is none": ({"inputs": {**GIVEN, "kind": "c"}}, "inputs.kind", "not in enum"),
    "a command": ({"inputs": GIVEN, "command": "x"}, "command", "has it already; leave it out"),
    "a registered one": (
        {"component": "azureml:train:1"},
        "component",
        "registered components are not supported yet",
    ),
    "a file": ({"component": "./a.yml"}, "component", "names a file, which only `retrain"),
    "a number": ({"component": 3}, "component", "must be a mapping"),
    "a pipeline": (
        {"component": {"type": "pipeline", "jobs": {}}},
        "component.type",
        "pipeline jobs are not supported yet",
    ),
    "an environment": (
        {"component": {"image": "python"}},
        "component",
        "this is an environment, not a command component",
    ),
}


@pytest.mark.parametrize(("job", "field", "said"), UNSUITED.values(), ids=UNSUITED)
def test_what_does_not_suit_the_component(job: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        parse_job({"type": "command", "component": COMPONENT, **job})
    first = str(refused.value.problems[0])
    assert first.startswith(f"{field}: ")
    assert said in first
