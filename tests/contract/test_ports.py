"""A port that was taken is taken: by whom it is bound, nobody else binds it, answers or not."""

import asyncio
import socket

import pytest

from retrain.local.host.http_server import HttpServer
from retrain.local.listener import Listener


def _binds(port: int) -> bool:
    """Whether somebody else gets it, in the way that servers ask."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def test_an_emulators_port_before_it_answers() -> None:
    async def check() -> None:
        first, second = Listener("the first"), Listener("the second")
        port = await first.bind("127.0.0.1", 0)
        assert not _binds(port)
        with pytest.raises(OSError, match=f"Port {port} .* is in use, so the second can't listen"):
            await second.bind("127.0.0.1", port)
        await first.close()
        assert _binds(port)

    asyncio.run(check())


def test_the_functions_hosts_port_before_it_answers() -> None:
    server = HttpServer(lambda *_: None, "127.0.0.1", 0)
    assert not _binds(server.port)
    with pytest.raises(OSError, match="Stop what uses the port"):
        HttpServer(lambda *_: None, "127.0.0.1", server.port)
    server._socket.close()
