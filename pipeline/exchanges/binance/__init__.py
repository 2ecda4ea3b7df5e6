"""Binance Spot market data: its messages, streams, REST and order-book procedure, without a socket."""
