"""Throughput of every kernel, beside what one would use without it and beside the floor of its own arithmetic.

A case is a function that yields rows of the table and curves of cost against size; `catalogue.CASES` names them all.
"""
