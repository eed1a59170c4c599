"""redis-py, sync and asyncio."""
