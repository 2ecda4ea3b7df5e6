"""The request weight of one address in Redis, shared by every process that asks the exchange from here.

One hash, one script: each call reads and writes it as a whole. The script follows ``domain.weight.WeightLedger``; a
property test holds the two together. Redis's own clock counts unless a clock is given.
"""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import redis
import redis.asyncio

from pipeline.domain import names
from pipeline.domain.faults import TransientError
from pipeline.domain.weight import (
    BOOK_SHARE,
    BUCKETS,
    COLD_LOOK_MS,
    COLD_MS,
    COLD_SHARE,
    HISTORY_SHARE,
    YIELD_MS,
    Priority,
    WeightLimits,
    WeightMemory,
    WeightStanding,
)

_SCRIPT = f"""
local key, call = KEYS[1], redis.call
local op, now, amount, priority, epoch, known, blocked, away, fresh = unpack(ARGV, 1, 9)
now, amount = tonumber(now), tonumber(amount)
if now == 0 then local t = call('TIME'); now = t[1] * 1000 + math.floor(t[2] / 1000) end
local flat, held = call('HGETALL', key), {{}}
for i = 1, #flat, 2 do held[flat[i]] = flat[i + 1] end
local function put(field, value)
  held[field] = string.format('%.0f', value)
  call('HSET', key, field, held[field])
end
local function get(field) return tonumber(held[field] or 0) end
if not held.epoch then
  held.epoch = fresh
  call('HSET', key, 'epoch', fresh)
  put('cold', now + {COLD_MS})
end
for i, field in ipairs({{'weight', 'weightMs', 'requests', 'requestsMs'}}) do
  if op == 'learn' or not held[field] then put(field, tonumber(ARGV[9 + i])) end
end
local windows = {{w = get('weightMs'), h = get('weightMs'), r = get('requestsMs')}}
local function kept(kind) return windows[kind] + math.floor(windows[kind] / {BUCKETS}) end
local starts, used = {{w = {{}}, h = {{}}, r = {{}}}}, {{w = 0, h = 0, r = 0}}
for field, value in pairs(held) do
  local kind, start = string.match(field, '^([whr]):(%d+)$')
  if kind and tonumber(start) + kept(kind) > now then
    table.insert(starts[kind], tonumber(start))
    used[kind] = used[kind] + tonumber(value)
  elseif kind then
    call('HDEL', key, field)
  end
end
local function add(kind, number)
  local start = now - now % math.floor(windows[kind] / {BUCKETS})
  local field = kind .. ':' .. string.format('%.0f', start)
  if not held[field] then table.insert(starts[kind], start) end
  put(field, get(field) + number)
  used[kind] = used[kind] + number
end
local function at_least(number) if number > used.w then add('w', number - used.w) end end
local function wait_for(kind, number, most)
  local left, wait = used[kind], 0
  table.sort(starts[kind])
  for _, start in ipairs(starts[kind]) do
    if left == 0 or left + number <= most then break end
    left = left - get(kind .. ':' .. string.format('%.0f', start))
    wait = start + kept(kind) - now
  end
  return wait
end
local function must_wait()
  local limit = get('weight')
  if now < get('blocked') then return get('blocked') - now end
  local unheard = get('unheard')
  if now < get('cold') and unheard > 0 and unheard + amount > math.floor(limit * {COLD_SHARE}) then
    return {COLD_LOOK_MS}
  end
  if priority == 'history' and now < get('bookWaits') then return get('bookWaits') - now end
  local wait = math.max(
    wait_for('w', amount, math.floor(limit * {BOOK_SHARE})),
    wait_for('r', 1, math.floor(get('requests') * {BOOK_SHARE})))
  if priority == 'history' then
    wait = math.max(wait, wait_for('h', amount, math.floor(limit * {HISTORY_SHARE})))
  end
  return wait
end
local wait = 0
if op == 'ask' then
  if away == '1' or epoch ~= held.epoch then
    at_least(tonumber(known))
    if tonumber(blocked) > get('blocked') then put('blocked', tonumber(blocked)) end
  end
  wait = must_wait()
  if wait == 0 then
    add('w', amount)
    add('r', 1)
    put('unheard', get('unheard') + amount)
    if priority == 'history' then add('h', amount) end
  elseif priority == 'book' then
    put('bookWaits', now + {YIELD_MS})
  end
elseif op == 'told' then
  put('cold', 0)
  at_least(amount)
elseif op == 'block' then
  put('blocked', math.max(get('blocked'), now + amount))
end
call('PEXPIRE', key, math.max(windows.r, windows.w, get('blocked') - now) + 60000)
return {{
  wait, used.w, get('weight'), get('weightMs'), get('requests'), get('requestsMs'),
  string.format('%.0f', get('blocked')), held.epoch}}
"""


class RedisWeight:
    """The window of ``address`` in Redis. Every method raises TransientError when Redis is away."""

    def __init__(self, client: "redis.asyncio.Redis", address: str, *, clock: Callable[[], int] | None = None) -> None:
        self._key = names.weight_key(address)
        self._clock = clock or (lambda: 0)
        self._script = client.register_script(_SCRIPT)

    async def ask(self, weight: int, priority: Priority, memory: WeightMemory) -> WeightStanding:
        """Whether a request of ``weight`` may go out now; if so it counts as sent."""
        return await self._call("ask", weight, priority=priority, memory=memory)

    async def told(self, used: int, memory: WeightMemory) -> WeightStanding:
        """Take the exchange's own count."""
        return await self._call("told", used, memory=memory)

    async def block(self, ms: int, memory: WeightMemory) -> WeightStanding:
        """Nobody sends anything for ``ms``."""
        return await self._call("block", ms, memory=memory)

    async def learn(self, limits: WeightLimits, memory: WeightMemory) -> WeightStanding:
        """The exchange's limits are these."""
        return await self._call("learn", 0, memory=memory, limits=limits)

    async def _call(
        self, operation: str, amount: int, *, memory: WeightMemory, priority: Priority = Priority.BOOK,
        limits: WeightLimits | None = None,
    ) -> WeightStanding:  # fmt: skip
        told = limits or memory.limits
        words: list[str | int] = [
            operation, self._clock(), amount, priority.value, memory.epoch, memory.used, memory.blocked_until_ms,
            int(memory.away), uuid4().hex, told.weight, told.weight_ms, told.requests, told.requests_ms,
        ]  # fmt: skip
        try:
            return _standing(await self._script(keys=[self._key], args=words))
        except (redis.RedisError, OSError) as error:
            raise TransientError(f"Redis: {error}") from error


def _standing(answer: list[Any]) -> WeightStanding:
    wait_ms, used, *limits = (int(number) for number in answer[:6])
    return WeightStanding(wait_ms, used, WeightLimits(*limits), int(answer[6]), answer[7].decode())
