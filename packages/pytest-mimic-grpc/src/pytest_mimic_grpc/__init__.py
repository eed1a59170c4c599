"""gRPC, sync and asyncio."""
