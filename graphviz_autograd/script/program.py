"""What can be run: a file, a module, code, or a notebook; and on which engine."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from typing import Literal

from graphviz_autograd.errors import ScriptError

Kind = Literal["file", "module", "code", "notebook"]
Engine = Literal["torch", "own"]


@dataclass(frozen=True)
class Program:
    """A program and its arguments.

    kind    "file", "module", "code" or "notebook"
    target  the path, the module's dotted name, or the code itself
    args    what the program finds in sys.argv after its own name

    >>> Program("file", "lessons/train.py", ("--lr", "0.1")).title
    'train.py'
    """

    kind: Kind
    target: str
    args: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What to call it in a sentence."""
        if self.kind == "module":
            return f"-m {self.target}"
        return "the code" if self.kind == "code" else os.path.basename(self.target)


def read(path: str) -> bytes:
    """What is in a script or notebook.

    Raises ScriptError where it is missing, a folder or not readable.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise ScriptError(f"there is no file {path!r}{_near(path)}") from None
    except IsADirectoryError:
        raise ScriptError(
            f"{path!r} is a folder: give the script in it, or run a package with -m PACKAGE"
        ) from None
    except (OSError, ValueError) as error:
        raise ScriptError(f"cannot read {path!r}: {error}") from None
    if b"\0" in content:
        raise ScriptError(f"{path!r} is no Python source: it holds null bytes")
    return content


def _near(path: str) -> str:
    """A hint at files in the same folder whose names are much the same."""
    folder, name = os.path.split(path)
    try:
        names = [n for n in os.listdir(folder or ".") if n.endswith((".py", ".ipynb", ".json"))]
    except OSError:
        return f": there is no folder {folder!r}"
    near = difflib.get_close_matches(name, names, 3)
    return f": did you mean {' or '.join(os.path.join(folder, n) for n in near)}?" if near else ""
