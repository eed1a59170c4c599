"""The pytest side: settings, the phases of tests, fixtures, and what is said at the end."""
