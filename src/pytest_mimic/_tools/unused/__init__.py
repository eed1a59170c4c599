"""The judgement of recordings that no test used: of one run, or of the jobs of a split suite together."""
