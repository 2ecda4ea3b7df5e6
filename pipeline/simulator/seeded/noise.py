"""Hashes as noise: splitmix64 over whole arrays, bit-exact on every machine."""

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


def key(*parts: object) -> int:
    """A 63-bit key of what is hashed and why, e.g. ``key(seed, "BTCUSDT", "side")``."""
    text = ":".join(str(part) for part in parts).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


def hashes(noise_key: int, indices: Ints) -> Hashes:
    """64 random-looking bits for each index (splitmix64: Steele, Lea and Flood, OOPSLA 2014)."""
    mixed = indices.astype(np.uint64) * _STEP + np.uint64(noise_key)
    mixed ^= mixed >> _SHIFTS[0]
    mixed *= _FIRST
    mixed ^= mixed >> _SHIFTS[1]
    mixed *= _SECOND
    mixed ^= mixed >> _SHIFTS[2]
    return mixed


def below(values: Hashes, limit: int) -> Ints:
    """Each hash as a number from 0 up to but not including ``limit`` (at most 2**32), from its high bits."""
    return ((values >> np.uint64(32)) * np.uint64(limit) >> np.uint64(32)).astype(np.int64)


def bits(values: Hashes, *, shift: int, width: int) -> Ints:
    """``width`` bits of each hash, starting at bit ``shift``."""
    return ((values >> np.uint64(shift)) & np.uint64((1 << width) - 1)).astype(np.int64)


def around_zero(noise_key: int, indices: Ints, *, amplitude: int) -> Ints:
    """Noise from ``-amplitude`` to ``amplitude``."""
    return below(hashes(noise_key, indices), 2 * amplitude + 1) - amplitude
