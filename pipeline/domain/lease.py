"""Leases: names that replicas of one process hold, each by one of them, until they give them back or fall silent."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseWish:
    """What a replica says with every beat: the names it would hold, those it gives back, and for how long it lives.

    ``floor`` is the highest token it has seen: a store that was wiped gives none below.
    """

    replica: str
    hold: Collection[str] = ()
    release: Collection[str] = ()
    floor: int = 0
    ttl_ms: int
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseAnswer:
    """How things stand: the replicas that live, what this one holds by which token, and who holds the rest it named.

    ``since_ms`` is when the register of replicas began, on the store's clock, and ``age_ms`` how long that is ago.
    """

    replicas: frozenset[str]
    tokens: Mapping[str, int] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    since_ms: int = 0
    age_ms: int = 0


class LeaseStore(Protocol):
    """Where leases are kept."""

    async def beat(self, wish: LeaseWish) -> LeaseAnswer:
        """Register, give back, renew and take what is free, at once. Raises TransientError when the store is away."""
        ...
