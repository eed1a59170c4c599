"""A stored outcome as a word, as lines and as a page."""
