"""Names that vcrpy's tests import."""


class VCRHTTPResponse:
    """Is not supported: the response is the client's own."""
