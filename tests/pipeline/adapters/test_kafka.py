"""The producer, where no broker answers."""

import pytest

from pipeline.adapters.kafka import KafkaPublisher
from pipeline.domain.faults import UndeliveredError
from tests.servers.waiting import wait_for


def test_a_record_that_was_not_taken_ends_the_process_at_a_later_one() -> None:
    publisher = KafkaPublisher("127.0.0.1:1", delivery_timeout_ms=100)
    publisher.append("topic", key="BTCUSDT", value=b"{}")
    assert publisher.deliveries.failed == 0
    wait_for(lambda: not publisher.pressed and publisher.deliveries.failed, within_s=10, what="a report of the failure")
    assert (publisher.deliveries.sent, publisher.deliveries.delivered, publisher.deliveries.failed) == (1, 0, 1)
    with pytest.raises(UndeliveredError, match="did not take"):
        publisher.append("topic", key="BTCUSDT", value=b"{}")
