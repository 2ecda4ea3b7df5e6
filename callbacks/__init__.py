"""Answers: one module per page, cached reads in, component properties out."""
