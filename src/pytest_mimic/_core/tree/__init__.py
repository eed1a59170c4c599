"""The one tree of a value: made with a budget or whole, compared, drawn; calls and errors in words."""
