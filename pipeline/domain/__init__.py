"""The words of the trade: candle, trade, order book, interval — pure, and known to every other room."""
