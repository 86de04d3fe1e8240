"""Build contexts: blobs named by the SHA-256 of their tar file before compression."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

#: How long a builder may take to fetch one.
LASTING: Final = timedelta(hours=2)


def context_blob(digest: str) -> str:
    """Its path in container `snapshots`."""
    return f"contexts/{digest}.tar.gz"


def packed(files: Mapping[str, str]) -> tuple[str, bytes]:
    """The digest and the archive of a few texts by name; the same files are the same digest."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(files):
            content = files[name].encode()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    whole = stream.getvalue()
    return hashlib.sha256(whole).hexdigest(), gzip.compress(whole, mtime=0)
