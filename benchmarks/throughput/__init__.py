"""How fast every kernel is, beside what one would use without it and beside the floor of its own arithmetic.

A case is a function that yields rows of the table and curves of cost against size; `cases.CASES` names them all.
"""
