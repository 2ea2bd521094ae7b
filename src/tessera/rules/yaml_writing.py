"""A tree of nodes written as YAML in one way only: the text of a programme that is released joined.

Owns: indentation, quoting and escapes. Must never: reorder or leave out anything, or write what
`yaml_nodes.read_nodes` would not read back as the same tree.
"""

import re
from collections.abc import Iterator

from tessera.rules.yaml_nodes import Mapping, Node, Scalar

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.%/-]*(?: [A-Za-z0-9_.%/-]+)*\Z", re.ASCII)
_ESCAPED = re.compile(
    r'["\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]',
)


def yaml_text(root: Mapping) -> str:
    """Write a tree, two spaces a level, comments left behind; texts are plain or in double quotes.

    Equal trees give equal texts, wherever their nodes stood and however they were typed.
    """
    return "".join(f"{line}\n" for line in _written(root, ""))


def _written(node: Node, indent: str) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, item in node.entries.items():
            yield from _under(f"{indent}{_quoted(name)}:", item, indent)
    elif not isinstance(node, Scalar):
        for item in node.items:
            yield from _under(f"{indent}-", item, indent)


def _under(head: str, node: Node, indent: str) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield f"{head} {_quoted(node.text)}"
    elif isinstance(node, Mapping) and not node.entries:
        yield f"{head} {{}}"
    elif not isinstance(node, Mapping) and not node.items:
        yield f"{head} []"
    else:
        yield head
        yield from _written(node, f"{indent}  ")


def _quoted(text: str) -> str:
    if _PLAIN.match(text):
        return text
    return '"' + _ESCAPED.sub(lambda found: _escape(found[0]), text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
