"""A run as one HTML page: its calls as data, and the files that show them."""
