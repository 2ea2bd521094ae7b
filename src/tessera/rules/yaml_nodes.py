"""YAML text to a tree of nodes that know their line and column, scalars left as the text typed.

Reads the event stream of PyYAML's C parser, so no constructor turns `on` into True or `10:30` into
630. Owns: the limits on size, depth and keys, the refusal of aliases, tags and duplicate keys.
Must never: resolve a scalar's type; whoever reads a field knows what it wants.
"""

from dataclasses import dataclass, field

import yaml

from tessera.core.errors import Problem

SIZE_MAX = 16_000_000
"""Largest programme text, in characters."""
DEPTH_MAX = 16
"""Deepest nesting of a programme."""
SCALAR_MAX = 4_000
"""Longest single text."""


@dataclass(slots=True)
class Scalar:
    """A text as typed; `quoted` when it stood in quotes or as a block."""

    text: str
    line: int
    column: int
    quoted: bool = False


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    items: list["Node"]
    line: int
    column: int


@dataclass(slots=True)
class Mapping:
    """Keys to nodes in the order typed, and where each key stood."""

    entries: dict[str, "Node"]
    keys: dict[str, Scalar]
    line: int
    column: int


Node = Scalar | Sequence | Mapping


@dataclass(slots=True)
class _Building:
    """A container that is still open, and the key that waits for its value."""

    node: Sequence | Mapping
    key: Scalar | None = None


@dataclass(slots=True)
class _Tree:
    """What has been built so far."""

    file: str
    problems: list[Problem]
    root: Node | None = None
    open: list[_Building] = field(default_factory=list)

    def problem(self, message: str, line: int, column: int, proposal: str = "") -> None:
        self.problems.append(
            Problem(file=self.file, message=message, line=line, column=column, proposal=proposal)
        )

    def add(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is None:
            self._add_key(parent, node)
        else:
            key, parent.key = parent.key, None
            if key.text in parent.node.entries:
                first = parent.node.keys[key.text].line
                message = f"{key.text!r} stands here a second time (first in line {first})"
                self.problem(message, key.line, key.column, "remove one of the two")
            else:
                parent.node.entries[key.text] = node
                parent.node.keys[key.text] = key

    def _add_key(self, parent: _Building, node: Node) -> None:
        if isinstance(node, Scalar):
            parent.key = node
            return
        self.problem("a key must be a plain text", node.line, node.column)
        parent.key = Scalar(f"?{node.line}:{node.column}", node.line, node.column)


def read_nodes(text: str, *, file: str) -> tuple[Node | None, list[Problem]]:
    """Build the tree of one YAML document; None when it can't be read as YAML at all."""
    if len(text) > SIZE_MAX:
        message = f"the file has {len(text)} characters, at most {SIZE_MAX} are read"
        return None, [Problem(file=file, message=message, proposal="split it into several files")]
    tree = _Tree(file, [])
    try:
        whole = _read_events(text, tree)
    except yaml.YAMLError as error:
        tree.problems.append(_syntax_problem(error, file))
        return None, tree.problems
    if not whole:
        return None, tree.problems
    if tree.root is None:
        tree.problem("the file is empty", 1, 1, "start with `programme: my-shop`")
    return tree.root, tree.problems


def _read_events(text: str, tree: _Tree) -> bool:
    """Feed every event to the tree; False when reading had to stop."""
    documents = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        mark = event.start_mark
        assert mark is not None
        if isinstance(event, yaml.ScalarEvent):
            value = event.value
            if len(value) > SCALAR_MAX:
                message = f"a text of {len(value)} characters, at most {SCALAR_MAX} are allowed"
                tree.problem(message, mark.line + 1, mark.column + 1, "shorten it")
                value = value[:SCALAR_MAX]
            tree.add(Scalar(value, mark.line + 1, mark.column + 1, bool(event.style)))
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(tree.open) >= DEPTH_MAX:
                message = f"nested more than {DEPTH_MAX} deep"
                tree.problem(message, mark.line + 1, mark.column + 1)
                return False
            _open(event, tree, mark.line + 1, mark.column + 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            tree.open.pop()
        elif isinstance(event, yaml.AliasEvent):
            message = f"alias *{event.anchor}: aliases are not allowed"
            tree.problem(message, mark.line + 1, mark.column + 1, "write the value out")
            return False
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                line = mark.line + 1
                tree.problem("a second document starts here", line, 1, "keep one document a file")
                return False
    return True


def _open(event: yaml.CollectionStartEvent, tree: _Tree, line: int, column: int) -> None:
    node: Sequence | Mapping
    if isinstance(event, yaml.MappingStartEvent):
        node = Mapping({}, {}, line, column)
    else:
        node = Sequence([], line, column)
    tree.add(node)
    tree.open.append(_Building(node))


_PROPOSALS = (
    (
        "cannot start any token",
        "quote a text that begins with a sign, and indent by spaces, not tabs",
    ),
    ("expected key", "is this line indented like those that it belongs with?"),
    (
        "mapping values are not allowed",
        "quote a text that holds a colon; is the line indented right?",
    ),
)
"""What to look for, by what the YAML reader says."""


def _syntax_problem(error: yaml.YAMLError, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or "this is no YAML text"
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    message = f"not readable as YAML: {what}"
    usual = "check indentation, colons and quotes here"
    proposal = next((propose for word, propose in _PROPOSALS if word in what), usual)
    return Problem(file=file, message=message, line=line, column=column, proposal=proposal)
