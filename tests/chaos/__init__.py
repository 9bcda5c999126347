"""Chaos: a benchmark's command is disturbed in every way there is, and must end in the same bytes."""
