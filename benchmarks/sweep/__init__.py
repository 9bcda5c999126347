"""Sweep over temperatures: quality against diversity of finished agents, and which curve dominates which."""
