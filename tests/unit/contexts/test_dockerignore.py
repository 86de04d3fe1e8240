"""Docker's own rules of what is left out; the first rows are from its reference."""

import pytest

from retrain.contexts.dockerignore import parse_dockerignore

CASES = {
    "a folder one below": ("*/temp*", "a/temporary.txt", True),
    "only one below": ("*/temp*", "a/b/temporary.txt", False),
    "two below": ("*/*/temp*", "a/b/temp.txt", True),
    "one more letter": ("temp?", "tempa", True),
    "anchored at the root": ("*.md", "docs/a.md", False),
    "at any depth": ("**/*.go", "a/b/c.go", True),
    "at any depth, the root too": ("**/*.go", "c.go", True),
    "a leading slash": ("/foo/bar", "foo/bar", True),
    "what lies below": ("node_modules", "node_modules/x/y.js", True),
    "a name that begins so": ("node", "node_modules/x", False),
    "a slash at the end": ("build/", "build/x", True),
    "all below": ("build/**", "build/a/b", True),
    "but not itself": ("build/**", "build", False),
    "brought back": ("*.md\n!README.md", "README.md", False),
    "the last line decides": ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
    "brought back in a folder": ("docs\n!docs/keep", "docs/keep", False),
    "everything but": ("*\n!src", "src/a.py", False),
    "everything": ("*\n!src", "other/a.py", True),
    "a comment": ("# a\na", "# a", False),
    "spaces around": ("  a  ", "a", True),
    "a set": ("[a-c].txt", "b.txt", True),
    "a set turned round": ("[^a-c].txt", "b.txt", False),
    "an escaped star": (r"a\*", "ab", False),
    "the star itself": (r"a\*", "a*", True),
    "dots": ("./a/../b", "b", True),
    "the root is nothing": ("/\n.\n\n!", "a", False),
    "an open bracket is itself": ("a[", "a[", True),
    "points are points": ("a.b", "axb", False),
}


@pytest.mark.parametrize(("lines", "path", "excluded"), CASES.values(), ids=CASES)
def test_what_is_left_out(lines: str, path: str, excluded: bool) -> None:
    assert parse_dockerignore(lines).excludes(path) is excluded
