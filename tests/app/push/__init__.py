"""Tests of the push hub."""
