"""Names come out of the picture as they were typed (promise 7)."""

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphviz_autograd import Edge, Graph, Node, TensorInfo
from graphviz_autograd.emit import dot

SVG = "{http://www.w3.org/2000/svg}"
INFO = TensorInfo((2,), "float32", "cpu")


def drawn(names):
    """What a reader of the SVG sees as the first line of each box."""
    nodes = [Node(i, "leaf", names=(name,), outputs=(INFO,)) for i, name in enumerate(names)]
    svg = dot.picture(Graph(nodes, [], ())).pipe(format="svg", encoding="utf-8")
    boxes = {}
    for group in ET.fromstring(svg).iter(f"{SVG}g"):
        if group.get("class") == "node":
            title = group.findtext(f"{SVG}title")
            lines = [text.text or "" for text in group.iter(f"{SVG}text")]
            boxes[int(title)] = [line.replace("\xa0", " ") for line in lines]
    return [boxes[i] for i in range(len(names))]


def shown(name):
    """What promise 7 says becomes of a name."""
    out = []
    for char in name.replace("\r\n", "\n"):
        code = ord(char)
        if char in "\n\r":
            out.append("⏎")
        elif (code < 32 and char != "\t") or 0xD800 <= code <= 0xDFFF or code in (0xFFFE, 0xFFFF):
            out.append("\ufffd")
        else:
            out.append("\xa0" if char == " " else char)
    return "".join(out).replace("\xa0", " ")


NASTY = [
    r"C:\temp\net",
    r"\N",
    r"\G\L\l\r\n",
    "a\\",
    '"quoted"',
    "<b>bold</b>",
    "<lambda>",
    "&lt;",
    "&#65;",
    "&",
    "a  b",
    " lead and trail ",
    "two\nlines",
    "windows\r\nline",
    "null\x00byte",
    "bell\x07",
    "</script>",
    "<img src=x onerror=alert(1)>",
    "--> ]]>",
    "שלום",
    "日本語",
    "👩‍👩‍👧",
    "\ud800",
    "\uffff",
    "tab\there",
    "{a|b}",
    "%s %d",
    "\u2028",
]


def test_names_known_to_cause_trouble_come_out_as_typed():
    boxes = drawn(NASTY)
    assert [lines[0] for lines in boxes] == [shown(name) for name in NASTY]
    assert all(lines[1:] == ["(2)"] for lines in boxes)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.text(st.characters(codec=None), min_size=1, max_size=30), min_size=20, max_size=40)
)
def test_any_name_in_unicode_comes_out_as_typed(names):
    assert [lines[0] for lines in drawn(names)] == [shown(name) for name in names]


@pytest.mark.parametrize("name", ["My<Op>&", "a\\Nb"])
def test_names_of_ops_attributes_and_packings_are_text_too(name):
    nodes = [
        Node(0, "op", name, attrs={name: name}),
        Node(1, "saved", name, attrs={"packed": name}),
    ]
    graph = Graph(nodes, [Edge(0, 1, "saved")])
    svg = dot.picture(graph, show_attrs=True, show_saved=True).pipe("svg", encoding="utf-8")
    texts = [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")]
    assert texts.count(name) == 2
    assert f"{name}: {name}" in texts
    assert f"packed: {name}" in texts
