"""Value → identity: the same in every process, on every machine and Python version."""
