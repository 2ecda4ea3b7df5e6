"""Describes: data in, Dash components out; no callback, no input or output."""
