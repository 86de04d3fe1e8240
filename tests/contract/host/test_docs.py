"""docs/functions-host.md is true: its examples run, its options exist, and so do its tests."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.host.stage import Stage, until
from tests.contract.host.test_alone import Host, running

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "functions-host.md").read_text()


def examples() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each example's heading, and its blocks: language and text."""
    for part in PAGE.split("\n## Examples\n")[1].split("\n## ")[0].split("\n### ")[1:]:
        yield part.partition("\n")[0], re.findall(r"```(\w+)\n(.*?)```", part, re.DOTALL)


EXAMPLES = dict(examples())


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_examples_run(stage: Stage, client: httpx.Client, tmp_path: Path, name: str) -> None:
    (_, app), (language, use), (_, said) = EXAMPLES[name]
    root = stage.app("", {"version": "2.0"})
    (root / "function_app.py").write_text(app)
    blobs = ("--blob-port", "0") if "blob" in app else ()
    ports = ("--servicebus-port", "0", *blobs)
    with running("--root", str(root), "--data", str(tmp_path / "data"), *ports) as host:
        host.after("Ctrl-C")
        run = use_curl if language == "sh" else use_python
        told = run(client, host, here(use, host))
        for line in said.splitlines():
            until(lambda line=line: line in told or any(line in one for one in host.logged), line)  # type: ignore[misc]


def here(text: str, host: Host) -> str:
    """The text with the ports and keys of this host."""
    url = host.after("Functions: ")
    text = text.replace("http://127.0.0.1:7071", url).replace("$MASTER", host.after("master key: "))
    for usual, told in (("127.0.0.1:10000", "Blob Storage: "), ("127.0.0.1:5672", "Service Bus: ")):
        if usual in text:
            found = re.search(r"127\.0\.0\.1:\d+", host.after(told))
            assert found
            text = text.replace(usual, found[0])
    return text


def use_curl(client: httpx.Client, host: Host, line: str) -> str:
    """As curl would; CI need not have one."""
    command, *words = shlex.split(line)
    assert command == "curl"
    options = {"-X": "GET", "-H": ": ", "-d": ""}
    while words[0].startswith("-"):
        options[words[0]] = words[1]
        words = words[2:]
    name, _, value = options["-H"].partition(": ")
    headers = {name: value} if name else {}
    answer = client.request(options["-X"], words[0], headers=headers, content=options["-d"])
    assert answer.is_success
    return answer.text


def use_python(client: httpx.Client, host: Host, source: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_options_are_those_there_are() -> None:
    told = set(re.findall(r"^\| `(--[a-z-]+)` \|", PAGE, re.MULTILINE))
    helped = subprocess.run(
        [sys.executable, "-m", "retrain.local.host", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "COLUMNS": "200"},
    ).stdout
    assert told == set(re.findall(r"^  (--[a-z-]+)", helped, re.MULTILINE))


def test_every_rule_names_a_test_that_is_there() -> None:
    rules = [line for line in PAGE.splitlines() if re.search(r"\| `test_\w+`", line)]
    assert len(rules) > 50
    for rule in rules:
        cell = rule.rstrip(" |").rpartition(" | ")[2]
        for module, words in re.findall(r"`(test_\w+)`([^`]*)", cell):
            text = (Path(__file__).parent / f"{module}.py").read_text()
            names = [word.strip() for word in re.split(r"[,:;]| …", words) if word.strip()]
            for name in names:
                assert name in text, rule
