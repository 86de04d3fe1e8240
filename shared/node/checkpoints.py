"""Runs the job's command, and keeps ./checkpoints in Blob Storage while it runs.

What is there when the command ends, and whatever was quiet for two looks before, is a blob each.
A file comes after those that were changed before it, and one that is gone is deleted after all of
them: so what points to a checkpoint is never kept without it. An attempt that has been replaced
finds its successor's mark on a blob that it would write, and stops.
"""

from __future__ import annotations

import base64
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import IO, Any, Dict, Tuple
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

FOLDER, LEFT, OURS = "checkpoints", ".checkpoints-left", ".retrain"
EVERY = 1.0  # seconds between two looks
PIECE = 8 << 20  # bytes; what is larger goes up in blocks, and is there when all of them are
PAUSES = (1, 2, 4, 8)  # seconds, before the last save is given up
PATIENCE = 60  # seconds for an answer
Stamp = Tuple[int, int]  # noqa: UP006  size, and when it was changed
Files = Dict[str, Stamp]  # noqa: UP006  Python 3.7 has no other name for it


class Refused(Exception):
    """Blob Storage said no, or nothing. status: 0 for nothing."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Replaced(Exception):
    """A later attempt has written already."""


class Store:
    """The run's container. etags: of the blobs that are there, as far as we know."""

    def __init__(self, address: str, attempt: int) -> None:
        self.base, _, self.key = address.partition("?")
        self.attempt = attempt
        self.etags: dict[str, str] = {}
        here = (urlsplit(address).hostname or "").startswith("127.")
        proxies = [urllib.request.ProxyHandler({})] if here else []
        self.opener = urllib.request.build_opener(*proxies)

    def list(self) -> dict[str, int]:
        """Sizes by name."""
        sizes, marker = {}, ""
        while True:
            query = "restype=container&comp=list&marker=" + quote(marker, safe="")
            with self._ask("GET", "", query) as answer:
                page = ElementTree.fromstring(answer.read())
            for blob in page.iter("Blob"):
                name = blob.findtext("Name") or ""
                self.etags[name] = blob.findtext("Properties/Etag") or ""
                sizes[name] = int(blob.findtext("Properties/Content-Length") or 0)
            marker = page.findtext("NextMarker") or ""
            if not marker:
                return sizes

    def put(self, name: str, stamp: Stamp) -> bool:
        """The file as a blob; False when it was changed meanwhile, and nothing was kept."""
        path = os.path.join(FOLDER, name)
        with open(path, "rb") as file:
            if stamp[0] <= PIECE:
                body, headers, query = file.read(PIECE + 1), {"x-ms-blob-type": "BlockBlob"}, ""
            else:
                body, headers, query = self._blocks(name, file), {}, "comp=blocklist"
        if stamp_of(path) != stamp or (not query and len(body) != stamp[0]):
            return False
        self._write(name, body, headers, query)
        return True

    def delete(self, name: str) -> None:
        try:
            self._ask("DELETE", name, headers=self._unchanged(name)).close()
        except Refused as error:
            if error.status == 412:
                self._yield(name)
            elif error.status != 404:
                raise
        self.etags.pop(name, None)

    def _blocks(self, name: str, file: IO[bytes]) -> bytes:
        ids: list[str] = []
        while True:
            piece = file.read(PIECE)
            if not piece:
                break
            ids.append(base64.b64encode(b"%04d-%08d" % (self.attempt, len(ids))).decode())
            query = "comp=block&blockid=" + quote(ids[-1], safe="")
            self._ask("PUT", name, query, piece).close()
        listed = "".join("<Latest>" + one + "</Latest>" for one in ids)
        return ("<?xml version='1.0'?><BlockList>" + listed + "</BlockList>").encode()

    def _write(self, name: str, body: bytes, headers: dict[str, str], query: str) -> None:
        mine = dict(headers, **{"x-ms-meta-attempt": str(self.attempt)})
        for last in (False, True):
            try:
                with self._ask("PUT", name, query, body, dict(mine, **self._unchanged(name))) as a:
                    self.etags[name] = a.headers["ETag"]
                return
            except Refused as error:
                if last or error.status not in (409, 412):
                    raise
                self._yield(name)

    def _yield(self, name: str) -> None:
        """Somebody else wrote the blob. Raises Replaced when it was a later attempt."""
        with self._ask("HEAD", name) as answer:
            if int(answer.headers.get("x-ms-meta-attempt") or 0) > self.attempt:
                raise Replaced
            self.etags[name] = answer.headers["ETag"]

    def _unchanged(self, name: str) -> dict[str, str]:
        etag = self.etags.get(name)
        return {"If-Match": etag} if etag else {"If-None-Match": "*"}

    def _ask(
        self,
        method: str,
        name: str,
        query: str = "",
        body: bytes | None = None,
        headers: dict[str, str] = {},  # noqa: B006  only read
    ) -> Any:
        address = self.base + ("/" + quote(name) if name else "")
        address += "?" + "&".join(part for part in (query, self.key) if part)
        request = urllib.request.Request(address, body, dict(headers), method=method)
        request.add_header("x-ms-version", "2020-10-02")
        if body is not None:
            request.add_header("Content-Type", "application/octet-stream")
        try:
            return self.opener.open(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            with error:
                code = error.headers.get("x-ms-error-code") or error.reason
            raise Refused(error.code, f"{error.code} {code}") from None
        except (OSError, ValueError) as error:
            raise Refused(0, str(error)) from None


def stamp_of(path: str) -> Stamp | None:
    """None when there is no such file, or it is a link, a pipe or the like."""
    try:
        seen = os.lstat(path)
    except OSError:
        return None
    return (seen.st_size, seen.st_mtime_ns) if stat.S_ISREG(seen.st_mode) else None


def scan() -> Files:
    """The files below the folder, by their paths from there with slashes."""
    found: Files = {}
    for place, _, names in os.walk(FOLDER):
        for name in names:
            path = os.path.join(place, name)
            stamp = stamp_of(path)
            short = os.path.relpath(path, FOLDER).replace(os.sep, "/")
            if stamp and short != OURS and short.isprintable():
                found[short] = stamp
    return found


class Saver:
    """saved: the files as they are in the container.  seen: as they were at the last look."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.restored = scan()
        self.saved: Files | None = None  # not known before the first look
        self.seen: Files = {}
        self.over = False
        self.trouble = ""

    def look(self, last: bool = False) -> bool:
        """Keep what is new. True when all is kept; last: nobody writes any more."""
        if self.over:
            return True
        try:
            return self._look(last)
        except Replaced:
            self.over = True
            say("a later attempt keeps the checkpoints now; this one's are no longer kept")
        except Refused as error:
            if self.trouble != str(error):
                self.trouble = str(error)
                say("checkpoints could not be kept, and are tried again: " + self.trouble)
        return self.over

    def _look(self, last: bool) -> bool:
        now, before = scan(), self.seen
        self.seen = now
        if self.saved is None:
            if not now:
                return True
            sizes = self.store.list()
            kept = self.restored.items()
            self.saved = {name: stamp for name, stamp in kept if sizes.get(name) == stamp[0]}
        saved = self.saved
        changed = [name for name in now if now[name] != saved.get(name)]
        for name in sorted(changed, key=lambda name: now[name][1]):
            quiet = last or before.get(name) == now[name]
            if not quiet or not self.store.put(name, now[name]):
                return False  # what was changed after it may speak of it
            saved[name] = now[name]
        for name in [name for name in saved if name not in now]:
            self.store.delete(name)
            del saved[name]
        if self.trouble:
            self.trouble = ""
            say("checkpoints are kept again")
        return True

    def finish(self) -> None:
        """All that is left; what can't be kept is left for Batch, which uploads it."""
        for pause in (*PAUSES, 0):
            if self.look(last=True):
                return
            time.sleep(pause)
        os.rename(FOLDER, LEFT)


def say(text: str) -> None:
    sys.stderr.write("retrain: " + text + "\n")
    sys.stderr.flush()


def main() -> int:
    store = Store(os.environ.pop("RETRAIN_CHECKPOINTS"), int(os.environ["RETRAIN_ATTEMPT"]))
    os.environ.pop("RETRAIN_SAVER", None)
    os.makedirs(FOLDER, exist_ok=True)
    saver = Saver(store)
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []  # a signal may come before there is a child to hand it on to

    def hand_on(number: int, _: object) -> None:
        for child in children:
            child.send_signal(number)
        if not children:
            early.append(number)

    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, hand_on)
    child = subprocess.Popen(sys.argv[1:])
    children.append(child)
    for number in early:
        child.send_signal(number)
    code = None
    while code is None:
        try:
            code = child.wait(EVERY)
        except subprocess.TimeoutExpired:
            saver.look()
    saver.finish()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
