"""Reference cases of flows, a plain simulator to compare with, and the error table of the documentation."""
