"""Experiments of the suite, one small file each: `EXPERIMENT`, or `EXPERIMENTS` by size."""
