"""The road of market data from the exchange to the stores."""
