"""Who of several replicas follows which name: fair shares, held by leases, taken over when a replica falls silent.

Names are shared by rendezvous hashing, so that a replica that joins or goes moves only its own share. A name that moves
is given back first and still followed until its new holder is seen: an overlap is harmless, because every datum has its
identity, a hole is not. A store that is away changes nothing: whoever holds goes on, nobody takes anything new.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from types import TracebackType
from typing import NoReturn, Self

from pipeline.domain.faults import TransientError
from pipeline.domain.lease import LeaseAnswer, LeaseStore, LeaseWish

log = logging.getLogger(__name__)

TTL_MS = 6_000
RENEW_EVERY_S = 1.5
SETTLE_MS = 3_000
"""So long a register that began anew, after a wipe, may lack replicas that are well: two renewals."""
BEATS_AT_ONCE = 3
Names = frozenset[str]
Share = Callable[[Names, Names, str], Names]
"""Of (names, replicas) those that one replica is to hold."""


def fair_share(names: Names, replicas: Names, replica: str) -> Names:
    """The names that rank this replica highest (rendezvous hashing, Thaler and Ravishankar 1996)."""
    return frozenset(name for name in names if max(replicas, key=lambda other: _rank(name, other)) == replica)


def whole_share(names: Names, _replicas: Names, _replica: str) -> Names:
    """Every name: the first who comes holds it until it goes, as in an election."""
    return names


def _rank(name: str, replica: str) -> bytes:
    return blake2b(f"{name}|{replica}".encode(), digest_size=8).digest() + replica.encode()


@dataclass(slots=True)
class Seat:
    """One replica's part as a plain object: wishes go out, answers come in; ``tokens`` are the names it follows."""

    replica: str
    names: Names
    share: Share = fair_share
    ttl_ms: int = TTL_MS
    tokens: dict[str, int] = field(default_factory=dict)
    _replicas: Names = frozenset()
    _missed: Names = frozenset()
    _since_ms: int = 0
    _floor: int = 0
    _renewed_s: float = float("-inf")
    _away: bool = False

    def wish(self) -> LeaseWish:
        """What to say with the next beat; the very first only makes us known."""
        mine = self._mine()
        return LeaseWish(
            replica=self.replica, hold=sorted(mine), release=sorted(self.tokens.keys() - mine),
            floor=self._floor, ttl_ms=self.ttl_ms,
        )  # fmt: skip

    def farewell(self) -> LeaseWish:
        """What to say last: everything is given back."""
        return LeaseWish(replica=self.replica, release=sorted(self.tokens), ttl_ms=self.ttl_ms, leaving=True)

    def take(self, answer: LeaseAnswer, *, asked_s: float) -> None:
        """Act on the answer to a beat that was sent at ``asked_s`` of the monotonic clock."""
        self._away, self._renewed_s = False, asked_s
        before = self._replicas if answer.since_ms != self._since_ms else frozenset()
        missed = (before | self._missed) - answer.replicas
        self._missed = missed if answer.age_ms < SETTLE_MS else frozenset()
        self._replicas, self._since_ms = answer.replicas, answer.since_ms
        self._floor = max(self._floor, *answer.tokens.values(), 0)
        known = self.tokens | dict(answer.tokens)
        kept = self.names - answer.others.keys()
        self.tokens = {name: token for name, token in known.items() if name in kept}

    def missed(self) -> None:
        """The store did not answer a beat."""
        self._away = True

    def is_settled(self, wish: LeaseWish) -> bool:
        """Whether the answer to ``wish`` left nothing to say before the next beat is due."""
        after = self.wish()
        return (list(after.hold), list(after.release)) == (list(wish.hold), list(wish.release))

    def still_holds(self, name: str, *, now_s: float) -> bool:
        """Whether to go on with ``name``.

        False once it was seen in other hands, and also when this process itself slept through the life of its leases:
        somebody else may hold them by now. A store that does not answer is no reason to stop.
        """
        return name in self.tokens and (self._away or now_s - self._renewed_s <= self.ttl_ms / 1000)

    def _mine(self) -> Names:
        living = self._replicas | self._missed
        return self.share(self.names, living, self.replica) if self.replica in living else frozenset()


class Leases:
    """A seat that is kept: ``async with Leases(store, replica=…, names=…) as leases``, then follow ``leases.held``."""

    def __init__(
        self, store: LeaseStore, *, replica: str, names: Iterable[str], share: Share = fair_share,
        clock_s: Callable[[], float] = time.monotonic, every_s: float = RENEW_EVERY_S,
    ) -> None:  # fmt: skip
        self.changed = asyncio.Event()
        self._seat = Seat(replica, frozenset(names), share)
        self._store, self._clock_s, self._every_s = store, clock_s, every_s
        self._held: Names = frozenset()
        self._away = False
        self._keeping: asyncio.Task[NoReturn] | None = None

    @property
    def held(self) -> frozenset[str]:
        """The names to follow now; ``changed`` is set whenever they are others."""
        return self._held

    def token(self, name: str) -> int:
        """The fencing token of a held name: higher than any given for it before. Raises KeyError."""
        return self._seat.tokens[name]

    def still_held(self, name: str, now_s: float | None = None) -> bool:
        """Whether to go on with ``name`` at this moment of the monotonic clock; see ``Seat.still_holds``."""
        return self._seat.still_holds(name, now_s=self._clock_s() if now_s is None else now_s)

    def want(self, names: Iterable[str]) -> None:
        """Share other names from the next beat on."""
        self._seat.names = frozenset(names)

    async def change(self) -> frozenset[str]:
        """Wait until other names are held; these. Raises what ended the renewing, should it ever end."""
        waiting = asyncio.ensure_future(self.changed.wait())
        try:
            await asyncio.wait({waiting, *([self._keeping] if self._keeping else [])}, return_when="FIRST_COMPLETED")
        finally:
            waiting.cancel()
        if self._keeping and self._keeping.done():
            self._keeping.result()
        self.changed.clear()
        return self.held

    async def __aenter__(self) -> Self:
        await self._beat()
        self._keeping = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait({self._keeping})
        with suppress(TransientError):  # what is not given back ends by itself
            await self._store.beat(self._seat.farewell())
        self._seat.tokens.clear()
        self._note()

    async def _keep(self) -> NoReturn:
        while True:
            await asyncio.sleep(self._every_s)
            await self._beat()

    async def _beat(self) -> None:
        try:
            for _ in range(BEATS_AT_ONCE):
                wish, asked_s = self._seat.wish(), self._clock_s()
                self._seat.take(await self._store.beat(wish), asked_s=asked_s)
                if self._seat.is_settled(wish):
                    break
            self._say(away=False)
        except TransientError as error:
            self._seat.missed()
            self._say(away=True, why=str(error))
        self._note()

    def _say(self, *, away: bool, why: str = "") -> None:
        if away != self._away:
            log.warning(
                "leases can't be renewed, what is held is kept: %s" if away else "leases are renewed again%s", why
            )
        self._away = away

    def _note(self) -> None:
        held = frozenset(self._seat.tokens)
        if held != self._held:
            log.info("holds %d names: +%s -%s", len(held), sorted(held - self._held), sorted(self._held - held))
            self._held = held
            self.changed.set()


class Election(Leases):
    """One name of which one replica at a time is the holder, and stays it as long as it lives."""

    def __init__(
        self, store: LeaseStore, *, replica: str, name: str,
        clock_s: Callable[[], float] = time.monotonic, every_s: float = RENEW_EVERY_S,
    ) -> None:  # fmt: skip
        super().__init__(store, replica=replica, names=[name], share=whole_share, clock_s=clock_s, every_s=every_s)
        self.name = name

    @property
    def leads(self) -> bool:
        """Whether it is us, now."""
        return self.still_held(self.name)
