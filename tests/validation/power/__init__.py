"""Power, energy and inter-token latency of the rows of ML.ENERGY's serving table."""
