"""The exchange on this machine: Binance's market-data protocol over real sockets, seeded or replayed."""
