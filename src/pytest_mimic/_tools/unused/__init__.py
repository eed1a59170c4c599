"""The judgement of recordings that no test used.

It judges one run, or the jobs of a split suite together.
"""
