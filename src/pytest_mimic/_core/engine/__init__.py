"""The decisions about calls: engine.py decides, steps.py acts, wrappers.py calls both."""
