"""The Model Context Protocol: the adapter of the official SDK's client."""
