"""The adapters of clients, one folder for each kind.

In: a request at the network edge of a library. Out: its answer as the library's own
objects, recorded or real.

Each adapter turns a request and an answer into plain data and back, says what of a
request counts, and hides secrets where only its kind knows them. All are made of
`pytest_mimic.client` alone, as those of others are; gRPC and MCP stand in `packages`.
"""
