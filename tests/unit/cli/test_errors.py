"""Errors as programs get them with `--json`, and in the words of the options that a user gave."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from typer.testing import CliRunner, Result

from retrain.cli.app import app
from retrain.cli.options import in_options
from retrain.client import ApiError
from tests.unit.cli.api_server import KEY, ApiServer

BAD = "command: echo ${{inputs.x}}\nenvironment: {image: python}\nlimits: 3\n"


def retrain(*args: str) -> Result:
    return CliRunner().invoke(app, args)


def error(result: Result) -> dict[str, Any]:
    """The one object on stderr; nothing is on stdout."""
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    (told,) = json.loads(line).values()
    assert set(told) == {"code", "message", "remedy", "details"}
    return dict(told)


#: The command, its exit code, and of the error its code and how its message begins.
ERRORS: dict[str, tuple[tuple[str, ...], int, str, str]] = {
    "the service's": (("job", "show", "nope"), 1, "RunNotFound", "There is no run nope."),
    "a bad file": (
        ("job", "create", "-f", "bad.yml"),
        2,
        "InvalidFile",
        "bad.yml:1:1: command: ${{inputs.x}} stands for nothing",
    ),
    "no such command": (("job", "shw"), 2, "Usage", "No such command 'shw'"),
    "no such option": (("job", "list", "--wide"), 2, "Usage", "No such option: --wide"),
    "a bad value": (("job", "list", "--limit", "x"), 2, "Usage", "Invalid value for '--limit'"),
    "an unknown profile": (
        ("job", "list", "--profile", "x"),
        2,
        "ProfileProblem",
        "There is no profile 'x'",
    ),
    "nobody there": (
        ("job", "list", "--profile", "nobody"),
        1,
        "Unreachable",
        "Nobody answers at http://127.0.0.1:1, the address of profile 'nobody'",
    ),
    "a bug": (("job", "stream", "broken"), 1, "Bug", "this is a bug in retrain: KeyError"),
    "no file": (("data", "upload", "gone.csv"), 2, "BadSource", "gone.csv does not exist."),
}


@pytest.mark.parametrize(("args", "exit_code", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_with_json_an_error_is_one_object(
    local: ApiServer,
    tmp_path: Path,
    args: tuple[str, ...],
    exit_code: int,
    code: str,
    message: str,
) -> None:
    (tmp_path / "bad.yml").write_text(BAD)
    retrain("profile", "set", "nobody", "--endpoint", "http://127.0.0.1:1", "--key", KEY)
    local.runs["broken"] = {"name": "broken"}
    result = retrain(*args, "--json")
    told = error(result)
    assert (result.exit_code, told["code"]) == (exit_code, code)
    assert told["message"].startswith(message)
    assert "Traceback" not in result.stderr
    assert retrain(*args).exit_code == exit_code, "as without --json"


def test_the_problems_of_a_file_are_details(tmp_path: Path) -> None:
    (tmp_path / "bad.yml").write_text(BAD)
    told = error(retrain("job", "create", "-f", "bad.yml", "--json"))
    assert [(one["line"], one["field"], one["remedy"]) for one in told["details"]] == [
        (1, "command", "declare 'x' under `inputs:`"),
        (3, "limits", "write `name: value` lines under it"),
    ]


def test_json_behind_a_double_dash_is_no_option(local: ApiServer) -> None:
    result = retrain("data", "upload", "--", "--json")
    assert result.stderr.startswith("error: --json does not exist.")


def refusing(server: ApiServer, field: str, message: str) -> None:
    """Let the service refuse changes of computes."""
    answer = FastAPI()

    @answer.exception_handler(404)
    async def refuse(request: Any, _: Any) -> Any:
        from fastapi.responses import JSONResponse

        details = [{"field": field, "message": message}]
        told = {"code": "Invalid", "message": f"{field}: {message}.", "remedy": "It has 0 to 1."}
        return JSONResponse({"error": {**told, "details": details}}, 422)

    server._made = answer


def test_options_are_called_by_their_names(local: ApiServer) -> None:
    refusing(local, "min_instances", "5 is above max_instances, 1; lower it")
    result = retrain("compute", "update", "cpu", "--min-instances", "5")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "error: --min-instances: 5 is above max_instances, 1; lower it",
        "It has 0 to 1.",
    ]


def test_of_a_field_without_an_option_it_is_told_as_it_is() -> None:
    details = [{"field": "tags", "message": "no"}]
    refusal = ApiError(422, "Invalid", "tags: no.", details=details)  # type: ignore[arg-type]
    with pytest.raises(ApiError, match="tags: no") as told, in_options({"size": "--size"}):
        raise refusal
    assert told.value is refusal


def test_a_compute_of_options_is_told_by_options(local: ApiServer) -> None:
    named = retrain("compute", "create", "--name", "a b")
    assert named.stderr.startswith("--name 'a b': 'a b' can't be a compute's name; use 1 to 32")
    above = retrain("compute", "create", "--name", "cpu", "--min-instances", "5")
    assert above.stderr.startswith("--min-instances 5: 5 is above max_instances, 1; lower it")
    assert (named.exit_code, above.exit_code) == (2, 2)
