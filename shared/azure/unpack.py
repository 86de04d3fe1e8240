"""Runs on the node, alone (its text travels in a variable): unpacks code.zip into ./code.

Nothing of a zip is believed: a name that leads out of the folder, a link, or a name twice is
refused before anything is written, and in the end the content has to have the SHA-256 that the
snapshot is named by (retrain/snapshot/archive.py). Any Python from 3.6 on can run it.
"""

import hashlib
import os
import stat
import sys
import zipfile

PIECE = 1 << 20  # bytes


def safe(item: zipfile.ZipInfo) -> bool:
    """Whether the entry is a file (or folder) that stays below the folder it is unpacked in."""
    name, kind = item.orig_filename, stat.S_IFMT(item.external_attr >> 16)
    parts = name.rstrip("/").split("/")
    strange = name.startswith("/") or "\\" in name or "\0" in name or ":" in parts[0][:2]
    return (
        not strange
        and not any(part in ("", ".", "..") for part in parts)
        and kind in (0, stat.S_IFREG, stat.S_IFDIR)
    )


def unpack(archive: zipfile.ZipFile, folder: str) -> str:
    """Write every file below `folder`; return the SHA-256 of names, modes and contents."""
    items = archive.infolist()
    names = {item.orig_filename for item in items}
    for item in items:
        if not safe(item) or len(names) != len(items):
            sys.exit(f"The snapshot is refused: {item.orig_filename!r} is no safe entry of a zip")
    digest = hashlib.sha256(b"retrain code 1\n")
    for item in sorted(items, key=lambda one: one.filename.encode()):
        path = os.path.join(folder, *item.filename.rstrip("/").split("/"))
        if item.filename.endswith("/"):
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        mode, name = item.external_attr >> 16, item.filename.encode()
        digest.update(b"%o %d %d\n" % (mode, len(name), item.file_size) + name)
        with archive.open(item) as source, open(path, "wb") as target:
            piece = source.read(PIECE)
            while piece:
                digest.update(piece)
                target.write(piece)
                piece = source.read(PIECE)
        if mode:
            os.chmod(path, mode & 0o777)
    return digest.hexdigest()


def of_file(path: str) -> str:
    """The SHA-256 of the file's own bytes, by which snapshots were named before."""
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        piece = source.read(PIECE)
        while piece:
            digest.update(piece)
            piece = source.read(PIECE)
    return digest.hexdigest()


def main() -> None:
    wanted = os.environ["RETRAIN_SNAPSHOT"]
    try:
        with zipfile.ZipFile("code.zip") as archive:
            found = unpack(archive, "code")
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        sys.exit(f"The snapshot is damaged: {error}")
    if wanted not in (found, of_file("code.zip")):
        sys.exit(f"The snapshot is damaged: its SHA-256 is {found}, not {wanted}")
    os.remove("code.zip")


if __name__ == "__main__":
    main()
