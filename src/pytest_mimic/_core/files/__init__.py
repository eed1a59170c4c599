"""Files and folders that calls name: where they are in this run, and digests of their content."""
