"""Claims of RESULTS.md, and the numbers of the tables that they are of."""
