"""Taking a WebSocket away from gunicorn, so that it costs neither a thread nor one of gunicorn's connections."""

import os
import socket
from typing import Any

SEND_BUFFER_BYTES = 49_152
"""The kernel doubles it; without a bound it would hide a peer that never reads."""


class NoThread:
    """Stands in for the reader thread simple-websocket would start for each socket."""

    name = "none"

    def __init__(self, **_: Any) -> None:
        pass

    def start(self) -> None:
        """Nothing: the hub reads."""


def take_over(websocket: Any) -> socket.socket:
    """The connection of a handshaken ``simple_websocket.Server``, gunicorn being left with a dead stand-in.

    A plain ``detach`` makes gunicorn count the connection twice as closed, a plain ``dup`` lets it shut down the
    connection both share: so the descriptor it holds is replaced by one end of a pair whose other end is closed.
    """
    theirs: socket.socket = websocket.sock
    ours = theirs.dup()
    stand_in, other = socket.socketpair()
    other.close()
    os.dup2(stand_in.fileno(), theirs.fileno(), inheritable=False)
    stand_in.close()
    # flask-sock closes what is still connected when the route returns, with a close frame.
    websocket.connected = False
    ours.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    return ours
