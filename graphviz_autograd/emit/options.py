"""Options that are one word out of a few: one way to check them, one way to complain."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from graphviz_autograd.errors import OptionError


def one_of(option: str, value: object, valid: Iterable[str]) -> str:
    """The value, where it is one of the valid ones.

    Raises OptionError, which lists them and says which one may have been meant.

    >>> one_of("rankdir", "LR", ("TB", "LR"))
    'LR'
    """
    valid = list(valid)
    if isinstance(value, str) and value in valid:
        return value
    near = difflib.get_close_matches(str(value), valid, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise OptionError(f"{option} is one of {', '.join(valid)}, not {value!r}{hint}")
