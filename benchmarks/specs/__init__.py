"""Specifications: experiments, runs, measures by name."""
