"""Faults on demand: what goes wrong at an exchange, ordered over HTTP, by a script or by a test."""

from pipeline.simulator.mischief.kinds import Kind
from pipeline.simulator.mischief.orders import Order, order_of
from pipeline.simulator.mischief.register import Mischief

__all__ = ["Kind", "Mischief", "Order", "order_of"]
