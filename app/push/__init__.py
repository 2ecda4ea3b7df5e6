"""Push: one thread per process owns every WebSocket and sends what the cache published."""
