"""Cases of the throughput benchmark, and the plain programs that they are compared with."""
