"""Where data is, as a path of the job language says it.

`parse_data_path` tells the forms apart: a datastore's path, a blob's address in some account, a
public file, something registered, or else a path on the user's own disk.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from shared.jobs.datastore import (
    DatastorePath,
    checked_path,
    is_datastore_uri,
    parse_datastore_path,
)
from shared.jobs.problems import refusal
from shared.jobs.references import AssetReference, is_asset_reference, parse_asset_reference

_REMOTE: Final = re.compile(r"(git\+)?[A-Za-z][A-Za-z0-9+.-]*://")
_BLOB_HOST: Final = re.compile(r"(?P<account>[a-z0-9]{3,24})\.blob\.(?P<cloud>core\.[a-z0-9.]+)")
_HADOOP: Final = re.compile(
    r"(?:wasbs?|abfss?)://(?P<container>[^@/]+)@(?P<account>[a-z0-9]{3,24})\.(?:blob|dfs)\."
    r"(?P<cloud>core\.[a-z0-9.]+)(?:/(?P<path>.*))?",
    re.DOTALL,
)
CONTAINER: Final = re.compile(r"\$root|\$web|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_JOBS: Final = "azureml://jobs/"
_JOB_OUTPUT: Final = re.compile(
    r"azureml://jobs/(?P<run>[A-Za-z0-9_-]+)/outputs/(?P<output>[A-Za-z0-9_]+)"
    r"(?:/paths/(?P<path>.*))?/?",
    re.DOTALL,
)
_LOGGED: Final = re.compile(r"runs:/(?P<run>[A-Za-z0-9_-]+)/(?P<path>.*)", re.DOTALL)
_SPACE: Final = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class BlobAddress:
    """A blob, or a folder of them, in an account that is named; `cloud` is core.windows.net mostly.

    path: not percent-encoded.
    """

    account: str
    cloud: str
    container: str
    path: str

    @property
    def container_url(self) -> str:
        return f"https://{self.account}.blob.{self.cloud}/{self.container}"

    @property
    def url(self) -> str:
        return f"{self.container_url}/{quote(self.path)}"

    def __str__(self) -> str:
        return f"wasbs://{self.container}@{self.account}.blob.{self.cloud}/{self.path}"


@dataclass(frozen=True, slots=True)
class PublicFile:
    """A file that anybody can get at this address."""

    url: str

    @property
    def name(self) -> str:
        """Its file name on the node."""
        name = unquote(urlsplit(self.url).path).rpartition("/")[2]
        return "download" if name in ("", ".", "..") else name

    def __str__(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run left: a declared output, or with `output` None what it logged or put into its
    `outputs` and `logs` folders.

    path: below the output; empty is all of it. A folder may be written without its slash.
    """

    run: str
    output: str | None
    path: str

    def __str__(self) -> str:
        below = f"/paths/{self.path}" if self.path or self.output is None else ""
        return f"azureml://jobs/{self.run}/outputs/{self.output or 'artifacts'}{below}"


@dataclass(frozen=True, slots=True)
class LocalPath:
    """A path on the disk of whoever wrote it; `text` as written."""

    text: str

    def __str__(self) -> str:
        return self.text


Remote = DatastorePath | BlobAddress | PublicFile | RunOutput
DataPath = Remote | AssetReference | LocalPath


def is_remote(path: str) -> bool:
    """Whether the text names something that is not on the user's own disk, supported or not."""
    return path.startswith(("azureml:", "runs:/")) or _REMOTE.match(path) is not None


def parse_data_path(text: str) -> DataPath:
    """Read a path of any form. Raises a refusal (a ValueError) that says what to write instead."""
    if text.startswith(("azureml:", "runs:/")):
        return _azureml(text)
    if text.startswith(("wasb://", "wasbs://", "abfs://", "abfss://")):
        return _hadoop(text)
    if text.startswith(("https://", "http://")):
        return _web(text)
    if is_remote(text):
        raise refusal(
            f"addresses like '{text[:200]}' are not supported",
            "download the data and give its local path, or copy it to Blob Storage",
        )
    return LocalPath(text)


def _azureml(text: str) -> DataPath:
    if is_datastore_uri(text):
        return parse_datastore_path(text)
    if is_asset_reference(text):
        return parse_asset_reference(text)
    if text.startswith((_JOBS, "runs:/")):
        return _run_output(text)
    if text.startswith("azureml://registries/"):
        raise refusal(
            f"assets of registries are not supported ('{text[:200]}')",
            "register it here with `retrain data create -f`, and write azureml:<name>:<version>",
        )
    raise refusal(
        f"'{text[:200]}' is no address of data here",
        "write azureml://datastores/<store>/paths/<path> or azureml:<name>:<version>",
    )


def _run_output(text: str) -> RunOutput:
    """`runs:/<run>/<path>` is MLflow's way to say what a run logged."""
    form = _JOB_OUTPUT.fullmatch(text) or _LOGGED.fullmatch(text)
    if form is None:
        raise refusal(
            f"'{text[:200]}' is not what a run left",
            "write azureml://jobs/<run>/outputs/<output>, or "
            "azureml://jobs/<run>/outputs/artifacts/paths/<path>",
        )
    found = form.groupdict()
    output, path = found.get("output", "artifacts"), checked_path(found["path"] or "")
    if output == "artifacts" and not path:
        raise refusal("names everything that a run left", "write the path of one thing after it")
    return RunOutput(found["run"], None if output == "artifacts" else output, path)


def _hadoop(text: str) -> BlobAddress:
    if "@" not in text:  # some write the container as the first part of the path
        told = _web("https://" + text.partition("://")[2].replace(".dfs.", ".blob.", 1))
        if isinstance(told, BlobAddress):
            return told
    form = _HADOOP.fullmatch(text)
    if form is None or not CONTAINER.fullmatch(form["container"]):
        raise refusal(
            f"'{text[:200]}' is not an address in Blob Storage",
            "write wasbs://<container>@<account>.blob.core.windows.net/<path>",
        )
    path = checked_path(form["path"] or "")
    return BlobAddress(form["account"], form["cloud"], form["container"], path)


def _web(text: str) -> BlobAddress | PublicFile:
    try:
        url = urlsplit(text)
        host, user = url.hostname, url.username
        _ = url.port
    except ValueError:
        host = user = None
        url = urlsplit("https:///")
    if not host or _SPACE.search(text):
        raise refusal(f"'{text[:200]}' is not a web address", "write https://<host>/<path>")
    if user or "sig=" in url.query.lower():
        raise refusal(
            "an address with a key in it would be on the run's record for all to read",
            "register the account with `retrain datastore create -f`, and write "
            "azureml://datastores/<store>/paths/<path>",
        )
    blob = _BLOB_HOST.fullmatch(host)
    container, _, path = unquote(url.path.lstrip("/")).partition("/")
    if blob and path and not url.query and CONTAINER.fullmatch(container):
        return BlobAddress(blob["account"], blob["cloud"], container, checked_path(path))
    return PublicFile(text)
