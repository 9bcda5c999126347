"""Claims of the pages of results, and the numbers of the tables that they are of."""
