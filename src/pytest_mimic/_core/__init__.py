"""The way of a call.

Each package imports only packages on lower floors; the modules here are the ground.
"""
