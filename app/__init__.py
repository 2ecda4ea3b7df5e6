"""Serves: REST routes, the page and push, on Flask under gunicorn."""
