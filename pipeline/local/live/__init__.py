"""``./run doctor --live``: every assumption about the exchange's protocol, checked against the exchange itself."""
