"""The adapters of clients, one folder for each kind."""
