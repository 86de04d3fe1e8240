"""Addresses in Blob Storage as Azure ML writes them: `azureml://datastores/<store>/paths/<path>`.

A path is taken literally: nothing is percent-decoded, so `%20` in it is those three characters.
"""

import re
from dataclasses import dataclass
from typing import Final

from shared.jobs.problems import refusal

#: The datastores every Azure ML workspace has, and the container each one is here.
CONTAINERS: Final = {
    "workspaceblobstore": "data",
    "workspaceartifactstore": "outputs",
    "workspaceworkingdirectory": "snapshots",
}
DEFAULT_DATASTORE: Final = "workspaceblobstore"
#: Azure ML's rule for the names of datastores.
STORE_NAME: Final = re.compile(r"[a-zA-Z0-9_]{1,255}")
_SCHEME = "azureml://datastores/"
_FORM = re.compile(r"azureml://datastores/([^/]+)/paths/(.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


@dataclass(frozen=True, slots=True)
class DatastorePath:
    """A blob, or with an empty path or one that ends in `/` a folder of blobs."""

    store: str
    path: str

    @property
    def container(self) -> str:
        """The container's name in the deployment's account. Raises KeyError for a store of one's
        own, which only the registry knows: see `shared.app.places`."""
        return CONTAINERS[self.store]

    def __str__(self) -> str:
        return f"{_SCHEME}{self.store}/paths/{self.path}"


def is_datastore_uri(text: str) -> bool:
    """Whether the text means an address of this kind, be it right or wrong in its details."""
    return text.startswith(_SCHEME)


def parse_datastore_path(uri: str) -> DatastorePath:
    """Read an address. Raises a refusal (a ValueError) that says what is wrong."""
    form = _FORM.fullmatch(uri)
    if form is None:
        raise refusal(
            f"'{uri}' is not a datastore path",
            "write azureml://datastores/workspaceblobstore/paths/<path>",
        )
    store, path = form.groups()
    if store not in CONTAINERS and not STORE_NAME.fullmatch(store):
        raise refusal(
            f"'{store[:80]}' can't be a datastore's name",
            f"write one of: {', '.join(CONTAINERS)}, or the name of one that you created",
        )
    return DatastorePath(store, checked_path(path))


def checked_path(path: str) -> str:
    """A path below a container: 1,024 characters at most, no `.`, `..` or empty part, no control
    character or backslash, no leading `/`. Raises a refusal. The empty path is the container."""
    if len(path) > 1024:
        raise refusal("a path has 1,024 characters at most", "use a shorter one")
    if _CONTROL.search(path):
        raise refusal("a path has no backslash or control character", "separate folders with /")
    parts = path.removesuffix("/").split("/")
    if path and any(part in ("", ".", "..") for part in parts):
        raise refusal(
            f"'{path}' has an empty, '.' or '..' part", "write the path from the datastore's root"
        )
    return path
