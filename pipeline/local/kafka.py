"""Apache Kafka as a local process: one KRaft node, broker and controller in one JVM."""

import base64
import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.domain.faults import MisconfiguredError
from pipeline.lifeline import tied
from pipeline.local import causes
from pipeline.local.child import ProcessSpec
from pipeline.local.ports import LOOPBACK, is_listening

HEAP = "384m"
_UNICODE = {"LC_ALL": "C.UTF-8"}
"""Java takes from it how the names of files are written."""
_DAMAGED = (
    r"No readable meta\.properties|InconsistentClusterId|InconsistentBrokerId|CorruptRecord|CorruptSnapshot|"
    r"Malformed|UncheckedIO|JsonParseException|fatal exception\n[^\n]*{folder}"
)
"""Words of a broker that can't read what it wrote: a fatal exception that names its folder is one of them."""
WAY_OUT = "move that folder away and start again: candles are safe in MongoDB, what only the log held is lost"
"""What to do about damaged data."""
_LOGGING = tuple(
    f"-Dorg.slf4j.simpleLogger.{name}={value}"
    for name, value in {
        "defaultLogLevel": "warn",
        "log.kafka.server.KafkaRaftServer": "info",
        "showDateTime": "true",
        "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSZ",
        "showThreadName": "false",
    }.items()
)
"""Kafka prints its warnings to its standard error, which the supervisor keeps in a bounded file."""
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=BROKER://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=BROKER://{host}:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=BROKER
log.dirs={log_dirs}
auto.create.topics.enable=false
num.partitions=6
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
log.segment.bytes=67108864
log.retention.check.interval.ms=60000
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.threads=1
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """A broker on ``port``, its data in ``folder``, its classes from ``jars``."""

    port: int
    controller_port: int
    folder: Path
    java: str
    jars: tuple[Path, ...]
    name: str = "kafka"

    def prepare(self) -> None:
        """Write the configuration and, once in its life, format the storage. Raises MisconfiguredError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._logs.exists():
            self._format()
        self._configure(self._logs)

    def spec(self) -> ProcessSpec:
        """How the supervisor runs it."""
        heap = (f"-Xmx{HEAP}", "-Xms128m", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:+ExitOnOutOfMemoryError")
        return ProcessSpec(
            name=self.name,
            command=(*self._java(*heap), "kafka.Kafka", str(self._properties)),
            environment=_UNICODE,
            port=self.port,
            probe=self.is_ready,
            explain=self.why_ended,
            ready_within_s=90,
            stop_within_s=20,
        )

    def why_ended(self, lines: Sequence[str]) -> str:
        """What its last lines say of an end that no restart will mend, with the next step; else nothing."""
        return causes.explain(
            lines,
            folder=self.folder,
            port=self.port,
            damaged=_DAMAGED.format(folder=re.escape(str(self.folder))),
            way_out=WAY_OUT,
        )

    def is_ready(self) -> bool:
        """Whether the broker answers a metadata request."""
        if not is_listening(LOOPBACK, self.port):
            return False
        client = AdminClient({"bootstrap.servers": f"{LOOPBACK}:{self.port}", "log_level": 0})
        try:
            return bool(client.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _logs(self) -> Path:
        return self.folder / "logs"

    def _configure(self, logs: Path) -> None:
        if "," in str(logs):
            raise MisconfiguredError(
                f"{logs} holds a comma, by which Kafka parts folders; set DATA_DIR to another place"
            )
        ports = {"port": self.port, "controller_port": self.controller_port}
        text = _PROPERTIES.format(host=LOOPBACK, log_dirs=_escaped(str(logs)), **ports)
        self._properties.write_text(text, encoding="ascii")

    def _java(self, *options: str) -> tuple[str, ...]:
        classes = ":".join(str(jar) for jar in self.jars)
        return (self.java, *options, *_LOGGING, "-cp", classes)

    def _format(self) -> None:
        """Format beside the place and move it there whole, so that a start killed half-way leaves nothing half-made."""
        fresh = self.folder / "logs.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._configure(fresh)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(self._properties))
        command = (*self._java("-Xmx128m", "-XX:TieredStopAtLevel=1"), *arguments)
        with tied(command, environment={**os.environ, **_UNICODE}, output=subprocess.PIPE) as done:
            said = (done.stdout.read() if done.stdout else b"").decode(errors="replace").strip().splitlines()
        if done.returncode:
            why = self.why_ended(said) or (said[-1] if said else "it said nothing")
            raise MisconfiguredError(f"Kafka could not format {self.folder}: {why}")
        os.replace(fresh, self._logs)


def _escaped(text: str) -> str:
    """``text`` as a value in a Java properties file: ASCII, everything else and the backslash by its number."""
    return "".join(one if one.isascii() and one != "\\" else _numbered(one) for one in text)


def _numbered(character: str) -> str:
    utf16 = character.encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{utf16[at]:02x}{utf16[at + 1]:02x}" for at in range(0, len(utf16), 2))
