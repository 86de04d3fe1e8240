"""The transport's frames: cut from the stream, and put around what goes out."""

import struct
from collections.abc import Iterator
from typing import Final

AMQP_HEADER: Final = b"AMQP\x00\x01\x00\x00"
SASL_HEADER: Final = b"AMQP\x03\x01\x00\x00"
#: The largest frame either side may send, in bytes.
MAX_FRAME: Final = 1 << 18
AMQP_FRAME, SASL_FRAME = 0, 1

_head = struct.Struct(">IBBH")


class FramingError(ValueError):
    """What came is no AMQP frame, or a larger one than allowed."""


class FrameReader:
    """Bytes as they arrive, frames as they are whole. expect_header: a protocol header is next."""

    def __init__(self) -> None:
        self._rest = b""
        self.expect_header = True

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """(type, channel, body) of each whole frame; a protocol header has type -1.

        Raises FramingError. To be exhausted before it is called again.
        """
        data = self._rest + data if self._rest else data
        at = 0
        while len(data) - at >= 8:
            if self.expect_header:
                self.expect_header = False
                yield -1, 0, data[at : at + 8]
                at += 8
                continue
            size, offset, kind, channel = _head.unpack_from(data, at)
            offset *= 4
            if size > MAX_FRAME or offset < 8 or offset > size:
                raise FramingError(f"a frame of {size} bytes with a header of {offset}")
            if len(data) - at < size:
                break
            yield kind, channel, data[at + offset : at + size]
            at += size
        self._rest = data[at:]


def frame(channel: int, body: bytes, payload: bytes = b"", kind: int = AMQP_FRAME) -> bytes:
    """A whole frame. An empty body is a heartbeat."""
    return _head.pack(8 + len(body) + len(payload), 2, kind, channel) + body + payload
