"""Kafka's jars: pinned whole, and fetched from where jgo says they lie."""

from jgo.maven import MavenContext

from pipeline.local import jars
from pipeline.local.downloads import RemoteFile


def test_the_lock_file_names_kafka_and_all_it_needs() -> None:
    locked = jars.read_lock()
    assert ("org.apache.kafka", "kafka_2.13", "4.1.0") in {(jar.group, jar.artifact, jar.version) for jar in locked}
    assert len(locked) == len({jar.file_name for jar in locked}) == 46
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in locked)


def test_a_jar_lies_where_maven_keeps_its_coordinate() -> None:
    jar = jars.Jar("org.example", "thing", "1.0", "ab", 7)
    (file,) = jars.files([jar], MavenContext(remote_repos={"here": "http://127.0.0.1:1"}))
    assert file == RemoteFile("thing-1.0.jar", "http://127.0.0.1:1/org/example/thing/1.0/thing-1.0.jar", "ab", 7)
