"""The two ways to read a file give the same: values, places, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from retrain.jobfile import quick, source
from retrain.jobfile.errors import JobFileError
from retrain.jobfile.source import read_source

PIECES = [
    *("a", "b:", "c: ", "- ", "-", "? ", ": ", ":", "\n", "\n  ", "\n    ", "\n- ", "\n  - ", " "),
    *("{", "}", "[", "]", ",", ", ", "'", '"', "''", "\\n", "|", ">-", "|\n  ", "# x", " #", "&x "),
    *("*x", "!t ", "!!int ", "<<: ", "~", "null", "true", "False", "yes", "on", "1", "0x1F", "0o7"),
    *("010", "1_000", "1.5", "1e3", "1.", ".5", "-.inf", ".nan", "+1", "12:30:45", "2026-01-02"),
    *("=", "é", "\u2028", "\u0085", "\t", "---\n", "...\n", "%YAML 1.1\n", "\ufeff", "@", "`", "%"),
    *("${{inputs.x}}", "\\", "\x07", "\r\n", "\r", "x: 1\n", "y: {z: 2}\n", "w: [1, 2]\n"),
]


def read(path: Path) -> Any:
    try:
        found = read_source(path)
    except JobFileError as error:
        return str(error)
    return repr(found.document), found.places


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_both_ways_give_the_same(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "quick.yml"
    path.write_bytes(text.encode())
    quickly = read(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "read_quickly", lambda *_: None)
        slowly = read(path)
    if isinstance(slowly, str) and "block scalar" in slowly:
        return  # ruamel refuses some blank lines in front of a block's text, which YAML allows
    assert quickly == slowly


_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_texts.filter(bool), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(_texts.filter(bool), _values, max_size=4), st.booleans())
def test_both_ways_give_the_same_of_documents(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any], flow: bool
) -> None:
    text = yaml.safe_dump(document, allow_unicode=True, default_flow_style=flow)
    test_both_ways_give_the_same.hypothesis.inner_test(tmp_path_factory, text)  # type: ignore[attr-defined]


def test_a_plain_file_is_read_quickly() -> None:
    text = "command: a\nenvironment: {image: 'python'}\ninputs:\n  n: 1\n"
    read = quick.read_quickly(Path("a.yml"), text)
    assert read is not None
    assert read[0] == {"command": "a", "environment": {"image": "python"}, "inputs": {"n": 1}}
    assert str(read[1]["inputs", "n"]) == "a.yml:4:3"


def test_without_libyaml_all_is_read_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "_LOADER", None)
    assert quick.read_quickly(Path("a.yml"), "a: 1\n") is None
