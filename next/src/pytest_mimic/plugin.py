"""The pytest plugin `mimic`."""
