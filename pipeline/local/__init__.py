"""What ``./run`` needs on one machine: fetch jars, start Kafka, MongoDB and Valkey, supervise the processes."""
