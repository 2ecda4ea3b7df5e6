"""Leases in Redis: one script a beat registers a replica, gives back, renews and takes, for any number of names.

A lease is a key ``token|end|replica`` with a time to live, so Redis clears away what nobody renews. Tokens grow
strictly: past the last one given, past the highest the asker has seen, and past the clock in ms, which alone survives a
wipe.
"""

from collections.abc import Callable
from typing import Any

import redis
import redis.asyncio

from pipeline.domain import names
from pipeline.domain.faults import TransientError
from pipeline.domain.lease import LeaseAnswer, LeaseWish

_SCRIPT = """
local call, replicas, register = redis.call, KEYS[1], KEYS[2]
local replica, ttl, floor, leaving = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local holds, now = tonumber(ARGV[5]), tonumber(ARGV[6])
if now == 0 then local t = call('TIME'); now = t[1] * 1000 + math.floor(t[2] / 1000) end
call('ZREMRANGEBYSCORE', replicas, '-inf', string.format('%.0f', now))
if call('ZCARD', replicas) == 0 then call('HDEL', register, 'since') end
if leaving == '1' then
  call('ZREM', replicas, replica)
else
  call('HSETNX', register, 'since', string.format('%.0f', now))
  call('ZADD', replicas, string.format('%.0f', now + ttl), replica)
  call('PEXPIRE', replicas, ttl)
  call('PEXPIRE', register, ttl)
end
local since = tonumber(call('HGET', register, 'since') or now)
local token, tokens, others = nil, {}, {}
local function next_token()
  if not token then
    local last = math.max(tonumber(call('HGET', register, 'token') or 0), floor)
    token = string.format('%.0f', math.max(last + 1, now))
    call('HSET', register, 'token', token)
  end
  return token
end
for i = 3, #KEYS do
  local held = call('GET', KEYS[i])
  local its, ends, holder = string.match(held or '', '^(%d+)|(%d+)|(.*)$')
  if holder and tonumber(ends) <= now then its, holder = nil, nil end
  if i - 2 > holds then
    if holder == replica then call('DEL', KEYS[i]); holder = nil end
  elseif leaving ~= '1' and (not holder or holder == replica) then
    its, holder = its or next_token(), replica
    call('SET', KEYS[i], its .. string.format('|%.0f|', now + ttl) .. replica, 'PX', ttl)
  end
  tokens[i - 2] = holder == replica and its or ''
  others[i - 2] = holder ~= replica and holder or ''
end
local age = string.format('%.0f', now - since)
return {string.format('%.0f', since), age, call('ZRANGE', replicas, 0, -1), tokens, others}
"""


class RedisLeases:
    """The leases of one group. Raises TransientError when Redis is away."""

    def __init__(self, client: "redis.asyncio.Redis", group: str, *, clock: Callable[[], int] | None = None) -> None:
        self._group = group
        self._clock = clock or (lambda: 0)
        self._script = client.register_script(_SCRIPT)

    async def beat(self, wish: LeaseWish) -> LeaseAnswer:
        """Register, give back, renew and take what is free."""
        asked = [*wish.hold, *wish.release]
        keys = [names.replicas_key(self._group), names.register_key(self._group)]
        keys += [names.lease_key(self._group, name) for name in asked]
        words: list[str | int] = [
            wish.replica, wish.ttl_ms, wish.floor, int(wish.leaving), len(wish.hold), self._clock()
        ]  # fmt: skip
        try:
            return _answer(asked, await self._script(keys=keys, args=words))
        except (redis.RedisError, OSError) as error:
            raise TransientError(f"Redis: {error}") from error


def _answer(asked: list[str], told: list[Any]) -> LeaseAnswer:
    since_ms, age_ms, replicas, tokens, others = told
    return LeaseAnswer(
        replicas=frozenset(replica.decode() for replica in replicas),
        tokens={name: int(token) for name, token in zip(asked, tokens, strict=True) if token},
        others={name: holder.decode() for name, holder in zip(asked, others, strict=True) if holder},
        since_ms=int(since_ms),
        age_ms=int(age_ms),
    )
