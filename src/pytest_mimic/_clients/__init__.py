"""The bundled adapters for client libraries."""
