"""Outcomes as trees, and the differences between a recorded outcome and another one."""
