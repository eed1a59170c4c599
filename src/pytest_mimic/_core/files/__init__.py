"""Files and folders that calls name: where they are, and digests of their content."""
