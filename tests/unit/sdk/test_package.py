"""`import retrain`: every name is there, typed, and none costs anything before it is used."""

import subprocess
import sys
from pathlib import Path

import pytest

import retrain

HEAVY = ("httpx", "pydantic", "rich", "typer", "yaml", "ruamel", "shared", "azure", "asyncio")


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = f"import retrain, sys; print([one for one in {HEAVY!r} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_job_can_be_described_without_the_network_or_the_language() -> None:
    code = (
        "from retrain import command, Environment, Input, Output, ScriptRunConfig; import sys\n"
        "command(command='x', environment=Environment(image='a'), inputs={'a': Input(path='b')})\n"
        "print([one for one in ('httpx', 'pydantic', 'azure') if one in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", retrain.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(retrain, name)
    assert found.__doc__
    assert name in dir(retrain)


def test_a_strange_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'comand'"):
        _ = retrain.comand


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(retrain.__file__).parent / "py.typed").is_file()
