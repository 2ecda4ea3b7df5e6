"""Redis transactions on a socket of our own: the client library's pipeline costs several times as much a command."""

import select
import socket
from dataclasses import dataclass, field
from typing import Any

import hiredis
import redis

Word = bytes | int
RECEIVED_BYTES = 65_536


@dataclass(slots=True)
class Transaction:
    """Commands that take effect together."""

    commands: list[bytes] = field(default_factory=list)

    def add(self, *words: Word) -> None:
        """Queue one command."""
        self.commands.append(_packed(*words))


class RedisWire:
    """One connection, opened when it is needed and again after a failure."""

    def __init__(
        self, host: str, port: int, *, database: int, username: str | None, password: str | None, timeout_s: float
    ) -> None:
        self._address = (host, port)
        self._database = database
        self._credentials = [word.encode() for word in (username, password) if word] if password else []
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._reader = hiredis.Reader()
        self._unasked = select.poll()

    @classmethod
    def like(cls, client: "redis.Redis") -> "RedisWire":
        """A connection to where ``client`` connects to."""
        known: dict[str, Any] = client.get_connection_kwargs()
        return cls(
            known["host"], int(known["port"]), database=known.get("db") or 0, username=known.get("username"),
            password=known.get("password"), timeout_s=known.get("socket_timeout") or 5.0,
        )  # fmt: skip

    def execute(self, transaction: Transaction) -> None:
        """Send all and read every answer. Raises redis.RedisError; then nothing may be taken as written."""
        if not transaction.commands:
            return
        commands = [_packed(b"MULTI"), *transaction.commands, _packed(b"EXEC")]
        *queued, executed = self._ask(commands)
        if not isinstance(executed, list):
            raise next((answer for answer in queued if isinstance(answer, Exception)), _refused(executed))
        for answer in executed:
            if isinstance(answer, Exception):
                raise _refused(answer)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, commands: list[bytes]) -> list[Any]:
        try:
            wire = self._alive() or self._open()
            return self._exchange(wire, commands)
        except OSError as error:
            self.close()
            raise redis.ConnectionError(str(error)) from error
        except BaseException:
            self.close()
            raise

    def _alive(self) -> socket.socket | None:
        """The open socket, unless the other end has hung up: then nothing was sent yet, and it may be opened anew."""
        if self._socket is not None and self._unasked.poll(0):
            self.close()
        return self._socket

    def _open(self) -> socket.socket:
        wire = socket.create_connection(self._address, timeout=self._timeout_s)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._reader, self._unasked = wire, hiredis.Reader(), select.poll()
        self._unasked.register(wire, select.POLLIN)
        hello = [_packed(b"AUTH", *self._credentials)] if self._credentials else []
        for answer in self._exchange(wire, [*hello, _packed(b"SELECT", self._database)]):
            if isinstance(answer, Exception):
                raise _refused(answer)
        return wire

    def _exchange(self, wire: socket.socket, commands: list[bytes]) -> list[Any]:
        wire.sendall(b"".join(commands))
        answers: list[Any] = []
        while len(answers) < len(commands):
            answer = self._reader.gets()
            if answer is not False:
                answers.append(answer)
                continue
            received = wire.recv(RECEIVED_BYTES)
            if not received:
                raise ConnectionError("Redis closed the connection")
            self._reader.feed(received)
        return answers


def _packed(*words: Word) -> bytes:
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type] # its stub knows tuples of one word only
    return packed


def _refused(answer: object) -> redis.ResponseError:
    return redis.ResponseError(str(answer))
