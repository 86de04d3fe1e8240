"""A command as a script and variables; bindings in plain text; what is local; round trips."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from shared.jobs import (
    CommandJob,
    InputPath,
    InvalidDocument,
    Literal,
    OutputPath,
    RunName,
    check_resolved,
    dump,
    parse_datastore_path,
    parse_job,
    render_command,
    substitute,
)
from shared.jobs.datastore import DatastorePath


def job(**fields: Any) -> CommandJob:
    return parse_job({"command": "true", "environment": {"image": "python"}} | fields)


def test_every_input_and_output_is_a_variable() -> None:
    rendered = render_command(
        job(
            command="train '${{name}}' ${{inputs.rate}} \"${{outputs.model}}\"",
            inputs={
                "rate": 0.10,
                "rows": 10,
                "fast": True,
                "data": {"path": "x"},
                "none": {"type": "string", "optional": True},
            },
            outputs={"model": None},
        )
    )
    assert rendered.script == (
        'train \'\'"${RETRAIN_RUN_NAME}"\'\' "${AZURE_ML_INPUT_rate}" "${AZURE_ML_OUTPUT_model}"'
    )
    assert rendered.variables == {
        "RETRAIN_RUN_NAME": RunName(),
        "RETRAIN_DEFAULT_DATASTORE": Literal("workspaceblobstore"),
        "AZURE_ML_INPUT_rate": Literal("0.1"),
        "AZURE_ML_INPUT_rows": Literal("10"),
        "AZURE_ML_INPUT_fast": Literal("True"),
        "AZURE_ML_INPUT_data": InputPath("data"),
        "AZURE_ML_OUTPUT_model": OutputPath("model"),
    }


SECTIONS = {
    "given": ({"type": "integer", "default": 3}, 'a --x "${AZURE_ML_INPUT_x}" b'),
    "given as optional": (
        {"type": "integer", "default": 3, "optional": True},
        'a --x "${AZURE_ML_INPUT_x}" b',
    ),
    "not given": ({"type": "integer", "optional": True}, "a  b"),
    "data": ({"type": "uri_file", "path": "f"}, 'a --x "${AZURE_ML_INPUT_x}" b'),
}


@pytest.mark.parametrize(("written", "script"), SECTIONS.values(), ids=SECTIONS)
def test_an_optional_section(written: dict[str, Any], script: str) -> None:
    one = job(command="a $[[--x ${{inputs.x}}]] b", inputs={"x": written})
    assert render_command(one).script == script


def test_a_section_needs_all_of_its_inputs() -> None:
    inputs = {"x": 1, "y": {"type": "string", "optional": True}}
    one = job(command="a $[[${{inputs.x}} ${{inputs.y}}]]", inputs=inputs)
    assert render_command(one).script == "a "


def test_substitution_fills_in_once() -> None:
    values = {"inputs.x": "${{name}}", "name": "r1"}
    assert substitute("a ${{inputs.x}} ${{ name }}", values) == "a ${{name}} r1"


def test_substitution_names_what_has_no_value() -> None:
    with pytest.raises(KeyError, match=r"inputs\.x"):
        substitute("${{inputs.x}}", {})


STORE = "azureml://datastores/workspaceblobstore/paths/"


def test_a_resolved_job_has_nothing_on_its_authors_disk() -> None:
    check_resolved(
        job(
            code="azureml://datastores/workspaceworkingdirectory/paths/abc.zip",
            inputs={"x": {"path": f"{STORE}x/"}},
        )
    )


LOCAL: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "code": ({"code": "src"}, ("code",)),
    "code that is a whole store": ({"code": STORE}, ("code",)),
    "an input": ({"inputs": {"x": {"path": "x"}}}, ("inputs", "x", "path")),
    "a conda file": (
        {"environment": {"image": "python", "conda_file": "c.yml"}},
        ("environment", "conda_file"),
    ),
}


@pytest.mark.parametrize(("fields", "field"), LOCAL.values(), ids=LOCAL)
def test_what_is_local_is_told(fields: dict[str, Any], field: tuple[str, ...]) -> None:
    with pytest.raises(InvalidDocument) as refused:
        check_resolved(job(**fields))
    assert [problem.field for problem in refused.value.problems] == [field]


PATHS = {
    "data": (f"{STORE}wine/a b%20.csv", "data", "wine/a b%20.csv"),
    "a folder": (f"{STORE}wine/", "data", "wine/"),
    "the whole container": (STORE, "data", ""),
    "outputs": ("azureml://datastores/workspaceartifactstore/paths/r/1", "outputs", "r/1"),
    "snapshots": ("azureml://datastores/workspaceworkingdirectory/paths/a", "snapshots", "a"),
}


@pytest.mark.parametrize(("uri", "container", "path"), PATHS.values(), ids=PATHS)
def test_datastore_paths(uri: str, container: str, path: str) -> None:
    address = parse_datastore_path(uri)
    assert (address.container, address.path, str(address)) == (container, path, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "azureml://datastores/workspaceblobstore",
        "azureml://subscriptions/s/datastores/workspaceblobstore/paths/x",
        "azureml://datastores/an-other/paths/x",
        f"{STORE}../x",
        f"{STORE}a/../x",
        f"{STORE}a/./x",
        f"{STORE}/x",
        f"{STORE}a//x",
        f"{STORE}a\\x",
        f"{STORE}a\nx",
        f"{STORE}{'x' * 1025}",
        "",
    ],
)
def test_datastore_paths_refused(uri: str) -> None:
    with pytest.raises(PydanticCustomError):
        parse_datastore_path(uri)


@given(st.lists(st.text("ab. %é", min_size=1), min_size=1, max_size=4).map("/".join))
def test_an_address_is_written_as_it_was_read(path: str) -> None:
    try:
        address = parse_datastore_path(f"{STORE}{path}")
    except ValueError:
        assert {".", ".."} & set(path.split("/"))
        return
    assert address == DatastorePath("workspaceblobstore", path)
    assert parse_datastore_path(str(address)) == address


literals = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
)
names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)


@given(st.dictionaries(names, literals, max_size=5), st.dictionaries(names, st.none(), max_size=3))
def test_any_job_is_read_and_written_alike(inputs: Any, outputs: Any) -> None:
    command = " ".join("${{inputs." + name + "}}" for name in inputs) or "true"
    one = job(command=command, inputs=inputs, outputs=outputs)
    assert parse_job(dump(one)) == one
    assert dump(one)["inputs"] == inputs
    rendered = render_command(one)
    for name, value in inputs.items():
        text = value if isinstance(value, str) else repr(value)
        assert rendered.variables[f"AZURE_ML_INPUT_{name}"] == Literal(text)
