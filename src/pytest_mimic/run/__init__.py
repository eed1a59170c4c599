"""The pytest side: settings, phases of tests, fixtures, the summary."""
