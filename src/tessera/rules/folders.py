"""A programme in several files: joined into one tree and one text, whatever the files are called.

Owns: what may stand in which file, the order in which the joined programme lists its offers, the
text that is released, and the way back from a joined line to its file. Must never: read a file, or
let the name of a file or the order of files decide anything but the order of problems.

The joined tree is read like any programme. Its lines are those of all files, each file's far enough
after the one before, so that a place found in it tells file and line.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tessera.core.errors import Problem
from tessera.rules.programme import TOP_KEYS, Programme, parse_root
from tessera.rules.reading import PROBLEMS_MAX, propose, split_words
from tessera.rules.yaml_nodes import SIZE_MAX, Mapping, Node, Scalar, read_nodes
from tessera.rules.yaml_nodes import Sequence as Items
from tessera.rules.yaml_writing import yaml_text

MAIN_FILE = "programme.yaml"
"""The file of a folder that says what the programme is."""
PART_KEYS = ("offers", "categories", "draws", "partners", "stopped", "cases", "note")
"""What the other files may say. All else is said once, in the main file."""
FILES_MAX = 500
"""Most files of one programme."""

_SETS = ("partners", "stopped", "cases")
_SORTED = ("categories", "offers", "draws")
_LEFT_OUT = ("cases",)
"""What the released text does without: names of files, which no till reads."""


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a programme: its name as problems show it, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where the lines of each file begin among the joined lines."""

    names: tuple[str, ...]
    starts: tuple[int, ...]

    def of(self, line: int) -> tuple[str, int]:
        """Give file and line of a joined line; 0 stands for the main file as a whole."""
        if line <= 0:
            return self.names[0], 0
        which = bisect_right(self.starts, line - 1) - 1
        return self.names[which], line - self.starts[which]

    def located(self, problems: Sequence[Problem]) -> list[Problem]:
        """Give problems of the joined lines with the file and line that people know."""
        found = []
        for problem in problems:
            file, line = self.of(problem.line)
            found.append(replace(problem, file=file, line=line))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Joined:
    """The files of a programme as one: its tree, the text to release, and the way back."""

    root: Mapping
    text: str
    places: Places

    def parse(self) -> tuple[Programme | None, list[Problem]]:
        """Read the programme; problems name the file in which they stand."""
        programme, problems = parse_root(self.root, [], file=self.places.names[0])
        return programme, self.places.located(problems)


def join_parts(main: Part, parts: Sequence[Part]) -> tuple[Joined | None, list[Problem]]:
    """Join the main file and the others; None when something keeps them apart."""
    ordered = [main, *sorted(parts, key=lambda part: part.name)]
    if len(ordered) > FILES_MAX:
        message = f"the programme has {len(ordered)} files, at most {FILES_MAX} are read"
        return None, [Problem(file=main.name, message=message, proposal="join some of them")]
    if sum(len(part.text) for part in ordered) > SIZE_MAX:
        message = f"its files have more than {SIZE_MAX} characters together"
        return None, [Problem(file=main.name, message=message, proposal="remove what has ended")]
    problems: list[Problem] = []
    starts: list[int] = []
    roots: list[Mapping] = []
    start = 0
    for part in ordered:
        starts.append(start)
        root, wrong = _read(part, start, is_main=part is main)
        problems += wrong
        roots += [root] if root is not None else []
        start += len(part.text) + 2  # no text has more lines than characters
    if problems:
        return None, problems[:PROBLEMS_MAX]
    places = Places(tuple(part.name for part in ordered), tuple(starts))
    merging = _Merging(places, problems, Mapping({}, {}, 1, 1))
    for number, root in enumerate(roots):
        merging.take(root, is_main=number == 0)
    if not problems:
        merging.put_in_order()
    if problems:
        return None, problems[:PROBLEMS_MAX]
    root = merging.root
    released = {key: item for key, item in root.entries.items() if key not in _LEFT_OUT}
    return Joined(root, yaml_text(Mapping(released, root.keys, 1, 1)), places), []


def _read(part: Part, start: int, *, is_main: bool) -> tuple[Mapping | None, list[Problem]]:
    """Read one file's tree and move its lines to where they are among the joined ones."""
    root, problems = read_nodes(part.text, file=part.name)
    first = "programme: my-shop" if is_main else "offers:"
    if root is None:
        again = "start with `programme: my-shop`"
        hint = f"start with `{first}`" if is_main else f"start with `{first}`, or remove the file"
        return None, [
            replace(one, proposal=hint) if one.proposal == again else one for one in problems
        ]
    if not isinstance(root, Mapping):
        problem = Problem(
            file=part.name,
            line=root.line,
            column=root.column,
            message="here stands no list of keys",
            proposal=f"start with `{first}`",
        )
        return None, [*problems, problem]
    for node in _nodes(root):
        node.line += start
    return root, problems


def _nodes(root: Node) -> Iterator[Node]:
    """Give a node and all below it, keys included."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Items):
            waiting += node.items
        elif isinstance(node, Mapping):
            waiting += node.keys.values()
            waiting += node.entries.values()


@dataclass(frozen=True, slots=True)
class _Merging:
    """The joined tree as it grows."""

    places: Places
    problems: list[Problem]
    root: Mapping

    def take(self, top: Mapping, *, is_main: bool) -> None:
        """Take in what one file says."""
        for name, node in top.entries.items():
            key = top.keys[name]
            if not is_main and name not in PART_KEYS:
                if name in TOP_KEYS:
                    message = f"{name!r} is said once, in {MAIN_FILE}"
                    self._problem(key, name, message, f"move it to {self.places.names[0]}")
                else:
                    message = f"unknown key {name!r}"
                    self._problem(key, name, message, propose(name, PART_KEYS))
            elif is_main or name != "note":
                self._add(name, key, node)

    def _add(self, name: str, key: Scalar, node: Node) -> None:
        there = self.root.entries.get(name)
        if name in _SETS:
            node = Items(_words(node), node.line, node.column)
        if there is None:
            self.root.entries[name], self.root.keys[name] = node, key
        elif isinstance(there, Items) and isinstance(node, Items):
            known = {item.text for item in there.items if isinstance(item, Scalar)}
            there.items += [
                one for one in node.items if not (isinstance(one, Scalar) and one.text in known)
            ]
        elif isinstance(there, Mapping) and isinstance(node, Mapping):
            for entry, item in node.entries.items():
                self._enter(there, f"{name}.{entry}"[:80], node.keys[entry], item)
        else:
            wrong = there if isinstance(node, Mapping) else node
            self._problem(wrong, name, "here stands no list of keys", "write key: value")

    def _enter(self, section: Mapping, field: str, key: Scalar, item: Node) -> None:
        """Put an entry into its section, unless another file has it already."""
        if (first := section.keys.get(key.text)) is None:
            section.entries[key.text], section.keys[key.text] = item, key
            return
        file, line = self.places.of(first.line)
        message = f"{key.text!r} stands here a second time (first in {file}, line {line})"
        self._problem(key, field, message, "remove one of the two, or give it another id")

    def _problem(self, node: Node, field: str, message: str, proposal: str) -> None:
        file, line = self.places.of(node.line)
        self.problems.append(
            Problem(
                file=file,
                line=line,
                column=node.column,
                field=field,
                message=message,
                proposal=proposal,
            )
        )

    # -- the order

    def put_in_order(self) -> None:
        """Put sections and what stands in them into the order that no file name decides."""
        entries, keys = dict(self.root.entries), dict(self.root.keys)
        known = [name for name in TOP_KEYS if name in entries]
        self.root.entries.clear()
        self.root.keys.clear()
        for name in [*known, *sorted(set(entries) - set(known))]:
            self.root.entries[name], self.root.keys[name] = entries[name], keys[name]
        for name in _SETS:
            if isinstance(listed := entries.get(name), Items):
                listed.items.sort(key=lambda item: item.text if isinstance(item, Scalar) else "")
        for name in _SORTED:
            if isinstance(section := entries.get(name), Mapping):
                order = sorted(section.entries)
                if name == "offers":
                    order = self._order_of_offers(section)
                items, names = dict(section.entries), dict(section.keys)
                section.entries.clear()
                section.keys.clear()
                for entry in order:
                    section.entries[entry], section.keys[entry] = items[entry], names[entry]

    def _order_of_offers(self, offers: Mapping) -> list[str]:
        """By id; offers whose order decides keep theirs, and have to stand in one file."""
        if where := _order_decides(self.root):
            self._in_one_file(offers, list(offers.entries), f"{where} reads the order of offers")
            return list(offers.entries)
        first_groups = _first_groups(self.root.entries.get("groups"))
        ordered = sorted(offers.entries)
        for group in sorted(set(first_groups.values())):
            inside = [
                name
                for name, node in offers.entries.items()
                if first_groups.get(_text_under(node, "in")) == group
            ]
            self._in_one_file(offers, inside, f"group {group!r} reads the order of its offers")
            members = set(inside)
            slots = [place for place, name in enumerate(ordered) if name in members]
            for place, name in zip(slots, inside, strict=True):
                ordered[place] = name
        return ordered

    def _in_one_file(self, offers: Mapping, names: list[str], why: str) -> None:
        places = [self.places.of(offers.keys[name].line) for name in names]
        for name, (file, _) in zip(names, places, strict=True):
            if file != places[0][0]:
                message = f"{why}, and they stand in several files ({names[0]} in {places[0][0]})"
                hint = "write them into one file, where their order is to be seen"
                self._problem(offers.keys[name], f"offers.{name}"[:80], message, hint)


def _words(node: Node) -> list[Node]:
    """Give a list's items; the parts of a text with commas stand where the text stands."""
    if isinstance(node, Items):
        return list(node.items)
    if isinstance(node, Scalar):
        return [Scalar(word, node.line, node.column) for word in split_words(node.text)]
    return [node]


def _order_decides(root: Mapping) -> str:
    """Name the setting by which the order of all offers decides; "" when there is none."""
    settings = root.entries.get("settings")
    if _text_under(settings, "between_groups") == "first":
        return "between_groups: first"
    return "basket_order: listed" if _text_under(settings, "basket_order") == "listed" else ""


def _first_groups(groups: Node | None) -> dict[str, str]:
    """Give the outermost group that says `first` for each group that is one or lies within one."""
    if not isinstance(groups, Mapping):
        return {}
    found = {}
    for name in groups.entries:
        path = [name]
        while (above := _text_under(groups.entries.get(path[-1]), "in")) and above not in path:
            path.append(above)
        for group in path:
            node = groups.entries.get(group)
            kind = node.text if isinstance(node, Scalar) else _text_under(node, "kind")
            if kind.strip() == "first":
                found[name] = group
    return found


def _text_under(node: Node | None, key: str) -> str:
    item = node.entries.get(key) if isinstance(node, Mapping) else None
    return item.text.strip() if isinstance(item, Scalar) else ""
