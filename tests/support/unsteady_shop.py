"""A module `shop` that fails twice before it answers, for tests of `sequence`."""

SHOP = """
    state = {"calls": 0}

    def get(path):
        ran("get", path)
        state["calls"] += 1
        return 200 if state["calls"] % 3 == 0 else 503

    def patient(path):
        answers = []
        while not answers or answers[-1] == 503:
            answers.append(get(path))
        return answers
"""
