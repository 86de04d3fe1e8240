"""Names of images and Dockerfiles, and how Azure ML's curated environments are called."""

import re
from typing import Final

from shared.jobs.problems import refusal

# The grammar of github.com/distribution/reference: host, path, tag, digest.
_PART = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::\d+)?/)?{_PART}(?:/{_PART})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
#: Where Azure ML's curated environments lie as images, each version of one under its number.
CURATED: Final = "mcr.microsoft.com/azureml/curated/"
_CURATED_IMAGE = re.compile(rf"{re.escape(CURATED)}(?P<name>{_PART})(?:[:@].*)?")
_LONG = re.compile(
    r"azureml://registries/(?P<registry>[^/]+)/environments/(?P<name>[^/]+)"
    r"(?:/(?P<kind>labels|versions)/(?P<which>[^/]+))?"
)
_SHORT = re.compile(r"azureml:AzureML-(?P<name>[^:@/]+)(?P<mark>[:@])(?P<which>[^:@/]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def checked_image(name: str) -> str:
    """The name of an image. Raises a refusal."""
    if len(name) > 512 or not _IMAGE.fullmatch(name):
        raise refusal(
            f"'{name[:80]}' is not an image's name", "write it like docker.io/library/python:3.11"
        )
    return name


def checked_dockerfile(path: str) -> str:
    """A file's path below a build context: relative, without `..`. Raises a refusal."""
    parts = path.removeprefix("./").split("/")
    if any(part in ("", "..", ".") for part in parts):
        raise refusal(
            f"'{path}' leads out of the build context, or names no file in it",
            "write the Dockerfile's path relative to `build.path`, without `..`",
        )
    if any(ord(letter) < 32 or letter in "\\\x7f" for letter in path):
        raise refusal("a path has no backslash or control character", "separate folders with /")
    return "/".join(parts)


def curated_name(image: str) -> str | None:
    """`sklearn-1.5` for `mcr.microsoft.com/azureml/curated/sklearn-1.5:27`; None for others."""
    match = _CURATED_IMAGE.fullmatch(image)
    return match["name"] if match else None


def is_curated(reference: str) -> bool:
    """Whether the text names an environment of a registry, or a curated one by its short name."""
    return reference.startswith(("azureml://", "azureml:AzureML-"))


def curated_image(reference: str) -> str:
    """The public image of a curated environment. Raises a refusal for what is none.

    The label `latest` is the tag `latest`, and a version is the tag of its number.
    """
    match = _LONG.fullmatch(reference) or _SHORT.fullmatch(reference)
    if match is None:
        raise refusal(
            f"'{reference[:200]}' is not an environment",
            "write azureml://registries/azureml/environments/<name>/labels/latest, "
            "or azureml:<name>@latest for one of your own",
        )
    fields = match.groupdict()
    if fields.get("registry", "azureml") != "azureml":
        raise refusal(
            f"the registry '{fields['registry']}' is not Azure ML's own, and others are not "
            "supported yet",
            "name the environment's image: `environment: {image: <registry>/<image>}`",
        )
    labelled = fields.get("kind") == "labels" or fields.get("mark") == "@"
    which = fields["which"] or "latest"
    if labelled and which != "latest":
        raise refusal(
            f"curated environments have no label '{which}' that is an image's tag",
            "write labels/latest, or a version's number",
        )
    if not _NAME.fullmatch(fields["name"]) or not _TAG.fullmatch(which):
        raise refusal(f"'{reference[:200]}' can't be an environment's name", "check its spelling")
    return checked_image(f"{CURATED}{fields['name'].lower()}:{which}")
