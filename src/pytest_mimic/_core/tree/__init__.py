"""The one tree of a value, made, compared and drawn; and calls and errors in words."""
