"""Conda's packages as pip requirements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version

from shared.jobs.images.recipe import Recipe
from shared.jobs.images.translation import CannotTranslate, Translation, translate


def translated(*dependencies: str, pip: tuple[str, ...] = ()) -> Translation:
    return translate(Recipe("python:3.11", (), dependencies, pip))


PACKAGES = {
    "any version": ("numpy", "numpy"),
    "any version, starred": ("numpy=*", "numpy"),
    "a prefix": ("numpy=1.21", "numpy==1.21.*"),
    "a prefix, starred": ("numpy=1.21.*", "numpy==1.21.*"),
    "exactly": ("numpy==1.21.2", "numpy==1.21.2"),
    "exactly, with a space": ("numpy 1.21.2", "numpy==1.21.2"),
    "starred, with a space": ("numpy 1.21.*", "numpy==1.21.*"),
    "a range": ("pandas>=1.1,<1.2", "pandas>=1.1,<1.2"),
    "a range with spaces": ("pandas >=1.1, <1.2", "pandas>=1.1,<1.2"),
    "a range, starred": ("pandas>=1.1.*,!=1.3.*", "pandas>=1.1,!=1.3.*"),
    "compatible": ("pandas~=1.1", "pandas~=1.1"),
    "a pre-release": ("numpy=1.21rc1", "numpy==1.21rc1"),
    "a build": ("numpy=1.21.2=py38h20f2e39_0", "numpy==1.21.2"),
    "a build, exactly": ("numpy==1.21.2=py38_0", "numpy==1.21.2"),
    "a build, with spaces": ("numpy 1.21.2 py38_0", "numpy==1.21.2"),
    "a channel": ("conda-forge::numpy=1.21", "numpy==1.21.*"),
    "another name": ("pytorch=1.13", "torch==1.13.*"),
    "part of another": ("matplotlib-base", "matplotlib"),
    "capital letters": ("Pillow=9", "pillow==9.*"),
}


@pytest.mark.parametrize(("spec", "requirement"), PACKAGES.values(), ids=PACKAGES)
def test_a_package(spec: str, requirement: str) -> None:
    assert translated(spec).requirements == [requirement, "pip"]


PYTHONS = {
    "any": ("python", ""),
    "a prefix": ("python=3.11", "==3.11.*"),
    "exactly": ("python==3.11.4", "==3.11.4"),
    "a range": ("python>=3.9,<3.12", ">=3.9,<3.12"),
    "a build": ("python=3.9.7=h12debd9_1", "==3.9.7"),
}


@pytest.mark.parametrize(("spec", "versions"), PYTHONS.values(), ids=PYTHONS)
def test_the_interpreter(spec: str, versions: str) -> None:
    translation = translated(spec)
    assert (translation.python, translation.requirements) == (versions, ["pip"])


PIP_LISTS = {
    "pip is there": (("six",), ["six", "pip"]),
    "its own pip": (("pip==24.0",), ["pip==24.0"]),
    "what only begins like it": (("pip-tools",), ["pip-tools", "pip"]),
    "an index": (
        ("--extra-index-url https://download.pytorch.org/whl/cu117", "torch==1.13.1+cu117"),
        ["--extra-index-url https://download.pytorch.org/whl/cu117", "torch==1.13.1+cu117", "pip"],
    ),
    "extras and markers": (
        ('uvicorn[standard]>=0.20 ; python_version > "3.8"',),
        ['uvicorn[standard]>=0.20 ; python_version > "3.8"', "pip"],
    ),
}


@pytest.mark.parametrize(("lines", "requirements"), PIP_LISTS.values(), ids=PIP_LISTS)
def test_the_pip_list_is_taken_as_it_is(lines: tuple[str, ...], requirements: list[str]) -> None:
    assert translated(pip=lines).requirements == requirements


NOTES = {
    "a channel": (Recipe("i", ("conda-forge",), (), ()), "Channels (conda-forge) are conda's"),
    "a build": (Recipe("i", (), ("numpy=1=py_0",), ()), "the build 'py_0' is conda's"),
    "a library": (Recipe("i", (), ("cudatoolkit=11.3",), ()), "cudatoolkit=11.3: left out"),
}


@pytest.mark.parametrize(("recipe", "note"), NOTES.values(), ids=NOTES)
def test_what_is_left_out_is_noted(recipe: Recipe, note: str) -> None:
    (said,) = translate(recipe).notes
    assert note in said


FAULTS = {
    "unknown": ("gdal=3", "'gdal' is a conda package whose name on PyPI is not known"),
    "alternatives": ("numpy=1.21|1.22", "the version '=1.21|1.22' can't be read"),
    "no version": ("numpy=abc", "can't be read"),
    "no operator": ("numpy=>1.2", "can't be read"),
    "a bracket": ("numpy[version='>=1.2']", "can't be read"),
    "no name": ("=1.2", "can't be read"),
    "an operator alone": ("numpy>=", "can't be read"),
}


@pytest.mark.parametrize(("spec", "words"), FAULTS.values(), ids=FAULTS)
def test_what_cannot_be_translated(spec: str, words: str) -> None:
    with pytest.raises(CannotTranslate, match=r"^'") as caught:
        translated(spec)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "line", ["--pre", "--hash=sha256:0", "-t /", "./wheel.whl", "/x.whl", "x @ file:///x", "a\nb"]
)
def test_what_pip_cannot_be_told_here(line: str) -> None:
    with pytest.raises(CannotTranslate):
        translated(pip=(line,))


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(CannotTranslate) as caught:
        translated("gdal", "numpy", "proj=9|8", pip=("--pre",))
    lines = str(caught.value).splitlines()
    assert [line.split("'")[1] for line in lines] == ["gdal", "proj", "--pre"]


releases = st.lists(st.integers(0, 99), min_size=1, max_size=4).map(lambda x: ".".join(map(str, x)))
clauses = st.tuples(st.sampled_from(["=", "==", ">=", "<=", "<", ">", "!="]), releases).map("".join)


@given(st.lists(clauses, min_size=1, max_size=3))
def test_a_translation_is_pip_s_language(written: list[str]) -> None:
    Requirement(translated("numpy" + ",".join(written)).requirements[0])


@given(releases, st.integers(0, 99))
def test_a_prefix_takes_what_it_begins(release: str, more: int) -> None:
    requirement = Requirement(translated(f"numpy={release}").requirements[0])
    assert requirement.specifier.contains(Version(release))
    assert requirement.specifier.contains(Version(f"{release}.{more}"))
    assert not requirement.specifier.contains(Version(f"1{release}"))
