"""What a run reads and writes, exactly: the places, and which content was there."""

from dataclasses import dataclass
from typing import Literal

from shared.domain.promotion import Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Which content it was. size: bytes of all files.

    etag, md5 (base64): of a single file.  sha256: of a folder's paths, sizes and MD5s, so that it
    is the same wherever and whenever the folder is uploaded; of a file without an MD5 the ETag
    counts instead.  manifest: of a folder the blob `manifests/<manifest>.json` in container
    `registry`, which lists each file with its ETag and MD5. Of old it had the name `sha256`.
    """

    size: int
    files: int = 1
    etag: str = ""
    md5: str = ""
    sha256: str = ""
    manifest: str = ""

    def same(self, other: "Content") -> bool:
        """Whether it is the same content, as far as anybody wrote it down."""
        if self.md5 and other.md5:
            return (self.md5, self.size) == (other.md5, other.size)
        if self.sha256 and other.sha256:
            theirs = (other.sha256, other.manifest)
            return self.sha256 in theirs or self.manifest == other.sha256
        return self == other


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where data is. account: the storage account's name, or "" for our own.

    path: of the blob, or with `folder` the prefix of all of its blobs, which is empty or ends in a
    slash.  public: set when the place is read without a signature; then it is the address of the
    file, or the folder's container.
    """

    uri: str
    folder: bool
    account: str = ""
    container: str = ""
    path: str = ""
    public: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A version of something in the registry."""

    kind: Literal["data", "models"]
    name: str
    version: str

    def __str__(self) -> str:
        return f"azureml:{self.name}:{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """An input. content: None when it is not ours to see (a public address), or isn't looked at.

    changed: other content was there when the run had ended than when it was asked for.
    """

    input: str
    place: Place
    asset: Registered | None = None
    content: Content | None = None
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A declared output. content: None when the script left nothing there.

    promotion: whether the model became the champion of its name, when it was to.
    """

    output: str
    place: Place
    asset: Registered | None = None
    content: Content | None = None
    promotion: Judgement | None = None
