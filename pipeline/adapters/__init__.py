"""The outer world, one vendor a module: Kafka, MongoDB, Redis, sockets, HTTP — and memory twins."""
