"""Pure relations with their sources; NumPy and scalars alone."""
