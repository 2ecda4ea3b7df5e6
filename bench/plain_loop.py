"""What ingest is measured against: the same frames decoded, given one field more, produced; no socket, no order book.

Run as ``python -m bench.plain_loop BOOTSTRAP TOPIC SYMBOLS``; prints one JSON object.
"""

import sys
import time

import orjson
from confluent_kafka import Producer

from bench.generator import names, now_ms
from bench.mix import Depth, session


def payloads(symbols: int) -> list[bytes]:
    """The frames of the generator without their WebSocket heads."""
    from bench.generator import depth_frame, trade_frame

    told, trade_id, moment = [], 0, now_ms()
    for frame in session().frames:
        trade_id += not isinstance(frame, Depth)
        for symbol in names(symbols):
            text = (
                depth_frame(symbol, frame, moment)
                if isinstance(frame, Depth)
                else trade_frame(symbol, frame, trade_id, moment)
            )
            told.append(text[text.index(b"{") :])
    return told


def run(bootstrap: str, topic: str, symbols: int) -> dict[str, float]:
    """Frames a second until every record is acknowledged."""
    frames = payloads(symbols)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 2,
            "compression.type": "zstd", "queue.buffering.max.messages": 100_000,
        }
    )  # fmt: skip
    started, cpu = time.perf_counter(), time.process_time()
    for raw in frames:
        data = orjson.loads(raw)["data"]
        data["receivedTime"] = now_ms()
        _produce(producer, topic, orjson.dumps(data), data["s"])
    producer.flush()
    seconds = time.perf_counter() - started
    return {"frames": len(frames), "seconds": seconds, "cpu_s": time.process_time() - cpu}


def _produce(producer: Producer, topic: str, value: bytes, key: str) -> None:
    while True:
        try:
            producer.produce(topic, value, key)
            producer.poll(0)
            return
        except BufferError:
            producer.poll(0.05)


if __name__ == "__main__":
    sys.stdout.write(orjson.dumps(run(sys.argv[1], sys.argv[2], int(sys.argv[3]))).decode())
