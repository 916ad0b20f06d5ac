"""Finds a way to draw on this machine before VTK is asked to: without GL libraries it would crash."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys

from twin.errors import Fault, MissingLibrary

PIP_LINE = "pip install 'ai-factory-twin[viz]'"
APT_LINE = "apt-get install -y libegl1 libgl1 libx11-6"
_VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"
_PROBE = """
import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow
window = vtkRenderWindow()
window.SetOffScreenRendering(1)
window.SetSize(8, 8)
window.AddRenderer(vtkRenderer())
window.Render()
"""


def _candidates() -> list[str]:
    """Window classes to try; the empty one is VTK's own choice."""
    if os.environ.get(_VARIABLE) or not sys.platform.startswith("linux"):
        return [os.environ.get(_VARIABLE, "")]
    offscreen = ["vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"]
    return ["", *offscreen] if os.environ.get("DISPLAY") else offscreen


def _draws(window: str) -> bool:
    """Whether a fresh process can draw with this window class."""
    env = os.environ | ({_VARIABLE: window} if window else {})
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE], env=env, capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def need_packages() -> None:
    """Refuse to go on without PyVista, which also brings Pillow and Matplotlib.

    Raises
    ------
    MissingLibrary
        With the line that installs them.
    """
    if any(importlib.util.find_spec(name) is None for name in ("pyvista", "vtkmodules", "PIL", "matplotlib")):
        fault = Fault("", 0, "pyvista", "not installed", "the packages of the extra viz", PIP_LINE)
        raise MissingLibrary("the 3D view needs PyVista", [fault])


@functools.cache
def prepare() -> None:
    """Make sure that this process can draw; the answer is kept for its lifetime.

    Raises
    ------
    MissingLibrary
        When PyVista or the GL libraries of the system are missing, with the line that installs them.
    """
    need_packages()
    for window in _candidates():
        if _draws(window):
            if window:
                os.environ[_VARIABLE] = window
            return
    raise MissingLibrary(
        "this machine cannot draw: VTK finds no usable OpenGL",
        [
            Fault(
                "", 0, "OpenGL", "no EGL, OSMesa or X window that can be drawn into",
                "software OpenGL is enough; no screen and no GPU are needed",
                APT_LINE,
            )
        ],
    )  # fmt: skip
