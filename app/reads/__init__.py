"""Reads: the one place that asks Redis and MongoDB on behalf of people; pages and routes share it."""

from app.reads.market import StoreReads

__all__ = ["StoreReads"]
