"""A conda file's packages as pip requirements, for places that have no conda.

conda writes `numpy=1.21` for "1.21 or any 1.21.x"; pip writes `numpy==1.21.*`. Build strings, which
choose among builds of one version, have no match on PyPI and are left out with a note. All that
can't be translated is told at once, before anything is installed.
"""

import re
from dataclasses import dataclass, field

from shared.jobs.images.pypi_names import carried, on_pypi
from shared.jobs.images.recipe import Recipe

_SPEC = re.compile(r"(?:\S+::)?(?P<name>[A-Za-z0-9_][\w.-]*)(?P<rest>(?:[\s=<>!~].*)?)", re.ASCII)
_BUILD = re.compile(
    r"(?P<version>={0,2}\s*[^\s=<>!~,|]+)(?:\s*=\s*|\s+)(?P<build>[\w.*+]+)", re.ASCII
)
_CLAUSE = re.compile(
    r"(?P<op>[=!~<>]=|[=<>]|)\s*(?P<version>\d[\w.+!]*?)(?P<star>(?:\.?\*)?)", re.ASCII
)

#: Lines that begin with a dash and that uv and pip read alike in a requirements file.
_OPTIONS = ("--index-url", "-i", "--extra-index-url", "--find-links", "-f")


class CannotTranslate(ValueError):
    """The message names every line that has no meaning without conda, one a line."""


@dataclass(slots=True)
class Translation:
    """`python` holds version specifiers of the interpreter ("" for any), as in `>=3.9,<3.12`."""

    python: str = ""
    requirements: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def translate(recipe: Recipe) -> Translation:
    """Raises CannotTranslate."""
    translation = Translation()
    faults: list[str] = []
    for spec in recipe.dependencies:
        try:
            _add_package(translation, spec)
        except CannotTranslate as fault:
            faults.append(str(fault))
    faults += filter(None, map(_pip_fault, recipe.pip))
    if faults:
        raise CannotTranslate("\n".join(faults))
    if recipe.channels:
        names = ", ".join(recipe.channels)
        translation.notes.append(f"Channels ({names}) are conda's: the packages come from PyPI.")
    translation.requirements += recipe.pip
    if not any(re.fullmatch(r"pip\b[^-].*|pip", line) for line in translation.requirements):
        # conda's environments have pip; without it a job's `pip install` would find another one.
        translation.requirements.append("pip")
    return translation


def _add_package(translation: Translation, spec: str) -> None:
    parts = _SPEC.fullmatch(spec.strip())
    if parts is None:
        raise CannotTranslate(
            f"'{spec}' can't be read. Write it like numpy=1.26 or numpy>=1.26,<2."
        )
    name, rest = parts["name"].lower(), parts["rest"]
    if carried(name):
        if name != "pip":
            translation.notes.append(f"{spec}: left out, PyPI's wheels carry what they need of it.")
        return
    twin = on_pypi(name)
    if name != "python" and twin is None:
        raise CannotTranslate(
            f"'{name}' is a conda package whose name on PyPI is not known. Move it to the "
            "`- pip:` list under its name on PyPI, or use podman or docker and an image with conda."
        )
    build = _BUILD.fullmatch(rest.strip())
    if build:
        translation.notes.append(f"{spec}: the build '{build['build']}' is conda's and left out.")
        rest = "==" + build["version"].lstrip("= ")
    versions = ",".join(filter(None, (_clause(spec, part) for part in rest.split(","))))
    if name == "python":
        translation.python = ",".join(filter(None, (translation.python, versions)))
    else:
        translation.requirements.append(f"{twin}{versions}")


def _clause(spec: str, text: str) -> str:
    """One condition on a version, conda's way, in PEP 440's."""
    if text.strip().lstrip("=").strip() in ("", "*"):
        return ""
    parts = _CLAUSE.fullmatch(text.strip())
    if parts is None:
        raise CannotTranslate(
            f"'{spec}': the version '{text.strip()}' can't be read. "
            "Write =1.2 (any 1.2), ==1.2.3, or a range like >=1.2,<2."
        )
    operator, version = parts["op"] or "==", parts["version"]
    if operator in ("==", "!=") and parts["star"]:
        return f"{operator}{version}.*"
    if operator == "=":
        release = re.fullmatch(r"[\d.]+", version)
        return f"=={version}.*" if release else f"=={version}"
    return f"{operator}{version}"


def _pip_fault(line: str) -> str:
    """Why a line of the pip list can't be used here; "" when it can."""
    if line.startswith("-") and re.split(r"[\s=]", line, maxsplit=1)[0] not in _OPTIONS:
        return f"'{line}': this option can't be used in the pip list. List the packages themselves."
    if line.startswith((".", "/", "file:")) or "@ file:" in line or "\n" in line:
        return (
            f"'{line}': a path is not there where the environment is built. Name a package or URL."
        )
    return ""
