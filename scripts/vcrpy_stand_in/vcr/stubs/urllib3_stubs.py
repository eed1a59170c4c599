"""A name that vcrpy's tests import."""


class VCRRequestsHTTPSConnection:
    """Is not supported: the connection is the client's own."""
