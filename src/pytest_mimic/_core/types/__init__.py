"""Types: what the plugin knows of each, and how a value of any is opened."""
