"""Shows calls to people: the rows of a run's or a vault's calls, and the HTML page made of them."""
