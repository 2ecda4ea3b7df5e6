"""Why a server ended, from lines that real servers have printed; an end without such a line has no lasting cause."""

from pathlib import Path

import pytest

from pipeline.local.kafka import Kafka
from pipeline.local.mongod import Mongod

MONGOD_FULL = (
    '{"t":{"$date":"2026-11-24T20:41:57.187+00:00"},"s":"E","c":"WT","id":22435,"ctx":"initandlisten",'
    '"msg":"WiredTiger error message","attr":{"error":28,"message":{"error_str":"No space left on device"}}}'
)
MONGOD_METADATA = (
    '{"t":{"$date":"2026-11-24T20:42:02.905+00:00"},"s":"W","c":"STORAGE","id":22348,"ctx":"initandlisten",'
    '"msg":"WiredTiger metadata corruption detected"}'
)
KAFKA_FATAL = "2026-11-24T20:44:53.994+0000 ERROR kafka.Kafka$ - Exiting Kafka due to fatal exception"


def of_kafka(folder: Path, *lines: str) -> str:
    return Kafka(port=9092, controller_port=1, folder=folder, java="java", jars=()).why_ended(lines)


def of_mongod(folder: Path, *lines: str) -> str:
    return Mongod(port=27017, folder=folder).why_ended(lines)


def test_a_full_disk_is_the_cause_before_the_damage_it_did(tmp_path: Path) -> None:
    said = of_mongod(tmp_path, MONGOD_FULL, MONGOD_METADATA)
    assert said.startswith(f"the disk of {tmp_path} is full (")
    assert said.endswith("MB left); free some space, or set DATA_DIR to another")


def test_damage_names_the_folder_the_way_out_and_the_line_that_told_it(tmp_path: Path) -> None:
    said = of_mongod(tmp_path, "an older line", MONGOD_METADATA)
    assert said.startswith(f"its data in {tmp_path} is damaged; put back a copy, or move that folder away")
    assert "metadata corruption" in said


def test_a_fatal_exception_of_kafka_is_damage_only_if_it_names_its_folder(tmp_path: Path) -> None:
    ours = f"java.lang.RuntimeException: Error: node ID not found in {tmp_path}/logs"
    assert "is damaged; move that folder away" in of_kafka(tmp_path, KAFKA_FATAL, ours, "\tat kafka.Kafka.main")
    assert of_kafka(tmp_path, KAFKA_FATAL, "java.lang.NoClassDefFoundError: org/Thing") == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("java.net.BindException: Address already in use", "its port 9092 was taken by another program meanwhile"),
        ("There is insufficient memory for the Java Runtime", "the system has too little memory for it"),
        ("java.io.IOException: Read-only file system", "it may not write in "),
        ("Failed to acquire lock on file .lock in /x. A Kafka instance", "another program uses its data in "),
    ],
)
def test_each_lasting_cause_has_its_next_step(tmp_path: Path, line: str, said: str) -> None:
    found = of_kafka(tmp_path, line)
    assert found.startswith(said)
    assert "; " in found


def test_an_end_that_a_restart_may_mend_has_no_cause(tmp_path: Path) -> None:
    assert of_kafka(tmp_path, "INFO shutting down", "INFO shut down completed") == ""
    assert of_mongod(tmp_path, '{"s":"I","msg":"Now exiting"}') == ""
