"""One verb, one process: what moves data along the road."""
