"""The venue's limits, told the time."""

from pipeline.simulator.rules import Limits, Pulse, SlidingWindow, WeightMeter

MINUTE_MS = 60_000


def test_five_messages_a_second_are_fine_and_the_sixth_is_not() -> None:
    window = SlidingWindow(5, within_ms=1_000)
    assert all(window.take(ms) for ms in range(0, 1_000, 200))
    assert not window.take(999)
    assert window.take(2_000)


def test_weight_is_free_again_in_the_next_minute() -> None:
    meter = WeightMeter(Limits())
    assert meter.spend(6_000, now_ms=5_000).status == 200
    refused = meter.spend(1, now_ms=15_000)
    assert (refused.status, refused.used, refused.retry_after_s) == (429, 6_000, 45)
    assert meter.spend(2, now_ms=MINUTE_MS).used == 2


def test_who_goes_on_after_429_is_banned_and_longer_the_second_time() -> None:
    meter = WeightMeter(Limits(refusals_before_ban=2))
    meter.spend(6_000, now_ms=0)
    assert [meter.spend(1, now_ms=second * 1_000).status for second in (1, 2, 3, 4)] == [429, 429, 418, 418]
    assert meter.banned_until_ms == 3_000 + 2 * MINUTE_MS
    assert meter.spend(1, now_ms=2 * MINUTE_MS).status == 418
    again_ms = 3 * MINUTE_MS
    meter.spend(6_000, now_ms=again_ms)
    assert [meter.spend(1, now_ms=again_ms).status for _ in range(3)][-1] == 418
    assert meter.banned_until_ms == again_ms + 8 * MINUTE_MS


def test_no_ban_lasts_longer_than_three_days() -> None:
    meter = WeightMeter(Limits(refusals_before_ban=0), bans=20)
    meter.spend(6_000, now_ms=0)
    assert meter.spend(1, now_ms=0).retry_after_s == 3 * 86_400


def test_a_ping_goes_out_every_twenty_seconds() -> None:
    pulse = Pulse(Limits(), opened_ms=0, pinged_ms=0)
    assert pulse.ping_due(19_999) is None
    assert pulse.ping_due(20_000) == b"20000"
    assert pulse.ping_due(20_001) is None


def test_a_connection_without_pong_ends_after_a_minute_and_a_stray_pong_does_not_help() -> None:
    pulse = Pulse(Limits(), opened_ms=0, pinged_ms=0)
    pulse.ping_due(20_000)
    pulse.pong(b"unsolicited")
    assert pulse.ended(79_999) == ""
    assert pulse.ended(80_000) == "no_pong"


def test_an_answered_ping_keeps_the_connection() -> None:
    pulse = Pulse(Limits(), opened_ms=0, pinged_ms=0)
    payload = pulse.ping_due(20_000) or b""
    pulse.pong(payload)
    assert pulse.ended(80_000) == ""


def test_a_connection_lives_a_day() -> None:
    pulse = Pulse(Limits(), opened_ms=0, pinged_ms=0)
    assert pulse.ended(86_399_999) == ""
    assert pulse.ended(86_400_000) == "lifetime"
