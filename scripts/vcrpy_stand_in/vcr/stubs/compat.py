"""Names that vcrpy's tests import."""


def get_headers(message):
    """Yield each name with all of its values."""
    for name in set(message.keys()):
        yield name, message.getlist(name) if hasattr(message, "getlist") else message.get_all(name)
