"""Names that vcrpy's tests import."""


class MockStream:
    """Is not supported: the stream is the client's own."""


def build_response(*_arguments):
    """Refuse: the response is the client's own."""
    raise NotImplementedError
