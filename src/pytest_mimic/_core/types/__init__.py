"""Types: what the plugin knows of each, how a value of any is opened, and the walk over its parts."""
