"""Everything that knows pytest: options, collection, verdicts, the summary."""
