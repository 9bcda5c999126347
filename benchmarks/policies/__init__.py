"""Policies that take part in an experiment, and the environments that they play in."""
