"""What the pages on guarantees and threats name is there: each defence with a test that exists."""

import re
from pathlib import Path
from typing import Final

import pytest

from tests.infra.bicep import ROOT

PAGES: Final = [
    page
    for page in (ROOT / "docs" / "security.md", ROOT / "docs" / "reliability.md")
    if page.exists()
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_test_that_is_named_is_there(page: Path) -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text()))
    assert len(named) > 10
    missing = [
        f"{file}::{test}"
        for file, test in sorted(named)
        if not (ROOT / file).is_file()
        or (test and not re.search(rf"^def {test}\(", (ROOT / file).read_text(), re.MULTILINE))
    ]
    assert missing == []
