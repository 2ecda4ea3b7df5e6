"""Benchmarks: figures side by side with the machine they were measured on."""
