"""The decisions about calls: decisions.py decides, steps.py acts, wrappers.py calls them."""
