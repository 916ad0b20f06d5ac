"""A machine that cannot draw gets a sentence with the line that mends it."""

import pytest

from twin.errors import MissingLibrary
from viz import headless


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.delenv("VTK_DEFAULT_OPENGL_WINDOW", raising=False)
    monkeypatch.setattr(headless, "prepare", headless.prepare.__wrapped__)


def test_without_gl_the_apt_line_is_given(monkeypatch):
    monkeypatch.setattr(headless, "_draws", lambda window: False)
    with pytest.raises(MissingLibrary) as caught:
        headless.prepare()
    assert headless.APT_LINE in str(caught.value)
    assert caught.value.exit_code == 3


def test_without_pyvista_the_pip_line_is_given(monkeypatch):
    monkeypatch.setattr(headless.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingLibrary) as caught:
        headless.prepare()
    assert headless.PIP_LINE in str(caught.value)


def test_the_first_window_that_draws_is_taken(monkeypatch):
    tried = []
    monkeypatch.setattr(headless.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", "")
    monkeypatch.setattr(headless, "_draws", lambda window: tried.append(window) or window.startswith("vtkOS"))
    headless.prepare()
    assert tried == ["vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"]
    assert headless.os.environ["VTK_DEFAULT_OPENGL_WINDOW"] == "vtkOSOpenGLRenderWindow"


def test_the_choice_of_the_user_is_kept(monkeypatch):
    tried = []
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", "vtkMine")
    monkeypatch.setattr(headless, "_draws", lambda window: tried.append(window) is not None)
    with pytest.raises(MissingLibrary):
        headless.prepare()
    assert tried == ["vtkMine"]


def test_a_crash_of_the_probe_is_survived(monkeypatch):
    monkeypatch.setattr(headless, "_PROBE", "import os; os.kill(os.getpid(), 11)")
    assert not headless._draws("")
