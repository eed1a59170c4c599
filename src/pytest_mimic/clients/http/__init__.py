"""HTTP: one kind, whichever client sends the request."""
