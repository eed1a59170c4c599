"""The outcome of a call, its encoding as bytes, and fresh copies of it."""
