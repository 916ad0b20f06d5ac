"""Draws result files: a 3D floor plan of a site, coloured by what was recorded.

It reads the file alone and knows nothing of the simulator that wrote it.
"""

from viz.draw import Look, animate, picture, render

__all__ = ["Look", "animate", "picture", "render"]
