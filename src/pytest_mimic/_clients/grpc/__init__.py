"""The adapter of grpcio, sync and asyncio."""
