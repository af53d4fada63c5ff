"""Python code as HTML lines, coloured by Python's own tokens.

This room may use the public names, the script room and emit.
"""

from __future__ import annotations

import html
import io
import keyword
import re
import tokenize
from collections import defaultdict
from collections.abc import Iterator

KINDS = {
    tokenize.COMMENT: "comment",
    tokenize.STRING: "string",
    tokenize.NUMBER: "number",
}
IN_STRINGS = {
    getattr(tokenize, name, -1): "string"
    for name in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")
}
"""From Python 3.12 on an f-string is several tokens."""

CONTROL = re.compile(
    r"\x1b\[[\d;]*[A-Za-z]|[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""Colours for terminals, and what HTML forbids."""


def escaped(text: str) -> str:
    r"""A text as HTML, also within an attribute; what HTML forbids is shown as U+FFFD.

    >>> escaped("\x1b[31mx < 1\x1b[0m\0")
    'x &lt; 1�'
    """
    return html.escape(CONTROL.sub(lambda found: "" if found[0][1:] else "\ufffd", text))


def highlighted(code: str, first: int = 1) -> str:
    """Code as HTML: each line an element with its number, from `first` on, and its tokens.

    Code that Python cannot read to its end stays without colours.

    >>> print(highlighted("x = 1  # one", first=9))
    <span class="line" id="L9" data-number="9">x = <span class="number">1</span>  \
<span class="comment"># one</span></span>
    """
    lines = code.split("\n")
    try:
        marks = _marks(code, lines)
    except (tokenize.TokenError, SyntaxError):
        marks = {}
    shown = []
    for row, line in enumerate(lines):
        number, at, parts = first + row, 0, []
        for start, end, kind in marks.get(row, ()):
            parts.append(escaped(line[at:start]))
            parts.append(f'<span class="{kind}">{escaped(line[start:end])}</span>')
            at = end
        parts.append(escaped(line[at:]))
        shown.append(
            f'<span class="line" id="L{number}" data-number="{number}">{"".join(parts)}</span>'
        )
    return "\n".join(shown)


def _marks(code: str, lines: list[str]) -> dict[int, list[tuple[int, int, str]]]:
    """For each row, counted from 0, what is coloured: from where to where, and as what."""
    marks = defaultdict(list)
    for kind, (top, left), (bottom, right) in _tokens(code):
        for row in range(top - 1, bottom):
            start = left if row == top - 1 else 0
            end = right if row == bottom - 1 else len(lines[row])
            marks[row].append((start, end, kind))
    return marks


def _tokens(code: str) -> Iterator[tuple[str, tuple[int, int], tuple[int, int]]]:
    """(kind, start, end) of the tokens that have a colour."""
    defined = False
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = KINDS.get(token.type) or IN_STRINGS.get(token.type, "")
        if token.type == tokenize.NAME:
            kind = "keyword" if keyword.iskeyword(token.string) else "name" if defined else ""
        defined = token.string in ("def", "class")
        if kind:
            yield kind, token.start, token.end
