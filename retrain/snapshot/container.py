"""The zip file's own structure, around data that is deflated already.

zipfile of the standard library deflates in one thread and takes no data that is deflated; the
format is small (APPNOTE.TXT 6.3, sections 4.3 and 4.5.3). Sizes of 4 GiB and more take the format's
64-bit form, as do more than 65,534 files.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

STORED, DEFLATED = 0, 8
_LOCAL, _CENTRAL, _END = 0x04034B50, 0x02014B50, 0x06054B50
_END64, _LOCATOR64 = 0x06064B50, 0x07064B50
_UTF8 = 0x800  # a flag: the name is UTF-8
_VERSION, _UNIX = 45, 3 << 8
_DATE = (1980 - 1980) << 9 | 1 << 5 | 1  # the format knows no earlier day
_NO32, _NO16 = 0xFFFFFFFF, 0xFFFF
_SLACK = 1 << 20  # what deflate may add to a file that doesn't shrink, and more


@dataclass(slots=True)
class Entry:
    """A file in the zip. mode: of Unix, with its type; sizes in bytes, crc of the plain content."""

    name: bytes
    mode: int
    size: int
    offset: int
    method: int = DEFLATED
    crc: int = 0
    packed: int = 0

    @property
    def long(self) -> bool:
        """Whether its local header has room for sizes of 64 bits."""
        return self.size + _SLACK + (self.size >> 8) >= _NO32


class ZipContainer:
    """Write entries one after the other to a file that can seek, then `finish`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._entries: list[Entry] = []

    def begin(self, name: str, mode: int, size: int) -> Entry:
        """size: of the plain content, known before."""
        entry = Entry(name.encode(), mode, size, self._file.tell())
        self._file.write(_local(entry))
        self._entries.append(entry)
        return entry

    def write(self, entry: Entry, packed: bytes) -> None:
        entry.packed += len(packed)
        self._file.write(packed)

    def end(self, entry: Entry) -> None:
        """Write what is only known now (method, checksum, packed size) into the entry's header."""
        here = self._file.tell()
        self._file.seek(entry.offset)
        self._file.write(_local(entry))
        self._file.seek(here)

    def whole(self, name: str, mode: int, size: int, method: int, crc: int, packed: bytes) -> None:
        """Write an entry in one go."""
        entry = Entry(name.encode(), mode, size, self._file.tell(), method, crc, len(packed))
        self._file.write(_local(entry) + packed)
        self._entries.append(entry)

    def finish(self) -> int:
        """Write the directory; return the size of the zip in bytes."""
        start = self._file.tell()
        for entry in self._entries:
            self._file.write(_central(entry))
        size, count = self._file.tell() - start, len(self._entries)
        if count >= _NO16 or start >= _NO32 or size >= _NO32:
            at = self._file.tell()
            fields = (_END64, 44, _UNIX | _VERSION, _VERSION, 0, 0, count, count, size, start)
            self._file.write(struct.pack("<IQHHIIQQQQ", *fields))
            self._file.write(struct.pack("<IIQI", _LOCATOR64, 0, at, 1))
        short = min(count, _NO16)
        ending = (_END, 0, 0, short, short, min(size, _NO32), min(start, _NO32), 0)
        self._file.write(struct.pack("<IHHHHIIH", *ending))
        return self._file.tell()


def _local(entry: Entry) -> bytes:
    sizes = (_NO32, _NO32) if entry.long else (entry.packed, entry.size)
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.packed) if entry.long else b""
    head = struct.pack(
        "<IHHHHHIIIHH", _LOCAL, _VERSION, _UTF8, entry.method, 0, _DATE,
        entry.crc, *sizes, len(entry.name), len(extra),
    )  # fmt: skip
    return head + entry.name + extra


def _central(entry: Entry) -> bytes:
    wide = entry.long or entry.offset >= _NO32
    sizes = (_NO32, _NO32) if wide else (entry.packed, entry.size)
    content = (1, 24, entry.size, entry.packed, entry.offset)
    extra = struct.pack("<HHQQQ", *content) if wide else b""
    head = struct.pack(
        "<IHHHHHHIIIHHHHHII", _CENTRAL, _UNIX | _VERSION, _VERSION, _UTF8, entry.method, 0, _DATE,
        entry.crc, *sizes, len(entry.name), len(extra), 0, 0, 0, entry.mode << 16,
        _NO32 if wide else entry.offset,
    )  # fmt: skip
    return head + entry.name + extra
