"""The decisions about calls: decisions.py decides, steps.py and real_calls.py act, wrappers.py calls them."""
