"""Figures: market data in, plotly figures out; pure."""
