"""What a person may have meant by a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from graphviz_autograd.graph import ModuleCall

MOST = 20_000
"""Names that are looked through for near ones: a few seconds' worth."""


def path(call: ModuleCall) -> str:
    """A module as one asks for it: the model itself by its class."""
    return call.path or call.class_name


def like(name: str, pattern: str) -> bool:
    """Whether a name is what a pattern means: * and ? in it stand for parts of a name.

    >>> like("layers.0.fc", "layers.*"), like("blocks[0]", "blocks[0]"), like("blocks0", "b*[0]")
    (True, True, False)
    """
    return fnmatchcase(name, pattern.replace("[", "[[]"))


def meant(pattern: str, known: Iterable[str]) -> list[str]:
    """The names that a pattern means; where it means none, those that end in what it means: a
    module of the script's `model` is found without the "model." before it.

    >>> meant("h.*", ["net.h.0", "net.h.1", "net.wh.0"])
    ['net.h.0', 'net.h.1']
    """
    names = list(dict.fromkeys(known))
    found = [name for name in names if like(name, pattern)]
    return found or [name for name in names if like(name, f"*.{pattern}")]


def nearest(what: int | str, known: Iterable[str]) -> str:
    """What may have been meant, or else what there is.

    >>> nearest("weigth", ["weight", "bias"]), nearest("w", ["bias", "TanhBackward0"])
    ("did you mean 'weight'?", "there are 'bias', 'TanhBackward0'")
    """
    distinct = list(dict.fromkeys(known))
    close = [name for name in distinct if name.endswith(f".{what}")][:3]
    close = close or get_close_matches(str(what), distinct[:MOST], n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    listed = ", ".join(map(repr, distinct[:5])) or "no names"
    return f"there are {listed}{', ...' * (len(distinct) > 5)}"
