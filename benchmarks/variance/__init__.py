"""Gradient estimators beside the exact gradient: bias, variance, direction, and what they cost."""
