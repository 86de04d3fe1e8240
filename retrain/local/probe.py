"""The smallest container image: one static program that does nothing but end with EXIT_CODE.

Written by hand, since a machine without a registry and a compiler has nothing to put in an image.
"""

from __future__ import annotations

import io
import struct
import tarfile
from typing import Final

EXIT_CODE: Final = 42
LOADED_AT: Final = 0x400000
HEADERS: Final = 64 + 56  # an ELF header and one program header; the instructions follow

#: exit(42) by processor: the ELF machine number, and the instructions.
PROGRAMS: Final = {
    "x86_64": (62, bytes.fromhex("bf2a000000 b83c000000 0f05")),  # mov edi,42; mov eax,60; syscall
    "aarch64": (183, bytes.fromhex("400580d2 a80b80d2 010000d4")),  # mov x0,42; mov x8,93; svc 0
}
ALIASES: Final = {"amd64": "x86_64", "arm64": "aarch64"}


def archive(processor: str) -> bytes | None:
    """A tar with `/probe`, as `import` takes it; None for a processor not known here."""
    known = PROGRAMS.get(ALIASES.get(processor.lower(), processor.lower()))
    if known is None:
        return None
    program = executable(*known)
    entry = tarfile.TarInfo("probe")
    entry.size, entry.mode = len(program), 0o755
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(entry, io.BytesIO(program))
    return file.getvalue()


def executable(machine: int, instructions: bytes) -> bytes:
    """A 64-bit little-endian ELF file that runs the instructions. Source: elf(5)."""
    size = HEADERS + len(instructions)
    entry = LOADED_AT + HEADERS
    header = struct.pack(
        "<4s5B7xHHIQQQIHHHHHH",
        *(b"\x7fELF", 2, 1, 1, 0, 0),  # 64 bits, little-endian, version 1
        *(2, machine, 1, entry, 64, 0, 0),  # an executable; program headers at 64, no sections
        *(64, 56, 1, 0, 0, 0),
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, LOADED_AT, LOADED_AT, size, size, 0x1000)
    return header + segment + instructions
