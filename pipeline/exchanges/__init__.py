"""Venues, Sans-I/O: one folder each, the same file names in each."""
