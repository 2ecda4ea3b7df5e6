"""The exchange on this machine: the market-data protocol over real sockets, seeded or replayed."""
