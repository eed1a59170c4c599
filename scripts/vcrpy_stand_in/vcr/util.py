"""A name that vcrpy's tests import."""


def read_body(request):
    """Return the body of a request."""
    return request.body
