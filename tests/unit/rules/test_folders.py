"""A programme in several files: the same rules as in one, whatever the files are called."""

import hypothesis.strategies as st
from hypothesis import given, settings

from tessera.core.errors import Problem
from tessera.rules.differences import meaning
from tessera.rules.folders import FILES_MAX, Joined, Part, join_parts
from tessera.rules.programme import Programme, parse_programme
from tessera.rules.yaml_nodes import Mapping, Node, Scalar, Sequence, read_nodes
from tessera.rules.yaml_writing import yaml_text

MAIN = "programme: shop\ncurrency: EUR\n"
TEA = "offers:\n  tea: {what: category tea, give: 10 % off}\n"
WINE = "offers:\n  wine: {what: category wine, give: 1.00 off}\n"


def joined(main: str, **parts: str) -> Joined:
    """Join files that fit together; the main one, and others by name."""
    found, problems = joining(main, **parts)
    assert found is not None, [problem.render() for problem in problems]
    return found


def joining(main: str, **parts: str) -> tuple[Joined | None, list[Problem]]:
    """Join files."""
    others = [Part(f"{name}.yaml", text) for name, text in parts.items()]
    return join_parts(Part("programme.yaml", main), others)


def wrong(main: str, **parts: str) -> list[str]:
    """What keeps files apart."""
    found, problems = joining(main, **parts)
    assert found is None
    return [problem.render() for problem in problems]


def sound(found: Joined) -> Programme:
    programme, problems = found.parse()
    assert programme is not None, [problem.render() for problem in problems]
    return programme


def test_offers_of_all_files_are_offers_of_the_programme() -> None:
    programme = sound(joined(MAIN, b=WINE, a=TEA))
    assert list(programme.by_id) == ["tea", "wine"]


def test_what_files_are_called_and_how_offers_are_spread_changes_nothing() -> None:
    one = joined(MAIN + TEA + "  wine: {what: category wine, give: 1.00 off}\n")
    two = joined(MAIN, a=TEA, b=WINE)
    three = joined(MAIN + "# a comment\n", y=WINE, x=TEA.replace("{what", "{  what"))
    assert one.text == two.text == three.text


def test_the_released_text_means_what_the_files_say() -> None:
    found = joined(
        MAIN + "groups: {house: first}\ncategories: {T1: tea}\npartners: [maker]\n",
        a='offers:\n  z: {what: "category tea, wine", give: 10 % off, in: house}\n'
        "  a: {give: 5 % off, in: house}\n",
        b="categories: {W1: wine}\npartners: grower\nstopped: a\n",
    )
    released, problems = parse_programme(found.text, file="released")
    assert problems == []
    assert released is not None
    assert rules_of(released) == rules_of(sound(found))
    assert released.partners == ("grower", "maker")
    assert released.parents == {"T1": "tea", "W1": "wine"}
    assert released.stopped == {"a"}


def rules_of(programme: Programme) -> list[object]:
    """All that pricing reads, without the lines where it stood."""
    offers = [
        (name, one.rank, one.path, meaning(one.what), meaning(one.reward))
        for name, one in programme.by_id.items()
    ]
    sections = (programme.groups, programme.units)
    named = [{name: meaning(one) for name, one in section.items()} for section in sections]
    return [offers, named, programme.parents, meaning(programme.settings)]


def test_a_problem_names_the_file_its_line_and_its_column() -> None:
    found = joined(MAIN, a=TEA, b="# wine\n\noffers:\n  wine: {giv: 1.00 off}\n")
    programme, problems = found.parse()
    assert programme is None
    assert "b.yaml:4:10: offers.wine.giv: unknown key 'giv' — did you mean give?" in [
        problem.render() for problem in problems
    ]


def test_a_problem_of_the_main_file_names_the_main_file() -> None:
    _, problems = joined("programme: shop\ncurrency: EURO\n", a=TEA).parse()
    assert [(one.file, one.line, one.column) for one in problems] == [("programme.yaml", 2, 11)]


def test_a_missing_key_is_told_of_the_main_file() -> None:
    _, problems = joined("programme: shop\n", a=TEA).parse()
    assert [(one.file, one.field) for one in problems] == [("programme.yaml", "currency")]


def test_an_id_that_stands_in_two_files_is_named_with_both_places() -> None:
    assert wrong(MAIN, a=TEA, b="# again\n" + TEA) == [
        "b.yaml:3:3: offers.tea: 'tea' stands here a second time (first in a.yaml, line 2)"
        " — remove one of the two, or give it another id"
    ]
    assert (
        "first in programme.yaml, line 3"
        in wrong(MAIN + "categories: {T1: tea}\n", a="categories:\n  T1: food\n")[0]
    )


def test_what_is_said_once_stands_in_the_main_file() -> None:
    assert wrong(MAIN, a="currency: USD\n" + TEA) == [
        "a.yaml:1:1: currency: 'currency' is said once, in programme.yaml"
        " — move it to programme.yaml"
    ]
    assert wrong(MAIN, a="offer: {}\n") == [
        "a.yaml:1:1: offer: unknown key 'offer' — did you mean offers?"
    ]


def test_offers_whose_order_decides_keep_it_and_stand_in_one_file() -> None:
    main = MAIN + "groups: {house: first, inner: {kind: all, in: house}, free: best}\n"
    listed = (
        "offers:\n  z: {give: 10 % off, in: house}\n  m: {give: 1.00 off, in: free}\n"
        "  a: {give: 5 % off, in: inner}\n"
    )
    assert list(sound(joined(main, a=listed)).by_id) == ["z", "m", "a"]
    assert list(sound(joined(main, a=listed, b=TEA)).by_id) == ["z", "m", "tea", "a"]
    spread = wrong(
        main,
        a="offers: {z: {give: 10 % off, in: house}}\n",
        b="offers: {a: {give: 5 % off, in: inner}}\n",
    )
    assert spread == [
        "b.yaml:1:10: offers.a: group 'house' reads the order of its offers, and they stand in"
        " several files (z in a.yaml) — write them into one file, where their order is to be seen"
    ]


def test_a_setting_by_which_the_order_decides_wants_all_offers_in_one_file() -> None:
    for setting in ("basket_order: listed", "between_groups: first"):
        main = f"{MAIN}settings: {{{setting}}}\n"
        assert f"{setting} reads the order of offers" in wrong(main, a=TEA, b=WINE)[0]
        both = "offers: {z: {give: 1.00 off}, a: {give: 10 % off}}\n"
        assert list(sound(joined(main, a=both)).by_id) == ["z", "a"]


def test_a_circle_of_groups_ends() -> None:
    found = joined(MAIN + "groups: {a: {kind: first, in: b}, b: {kind: best, in: a}}\n", x=TEA)
    programme, problems = found.parse()
    assert programme is None
    assert problems


def test_files_that_are_no_list_of_keys_are_named() -> None:
    assert wrong(MAIN, a="- tea\n") == [
        "a.yaml:1:1: here stands no list of keys — start with `offers:`"
    ]
    assert wrong(MAIN, a="# later\n") == [
        "a.yaml:1:1: the file is empty — start with `offers:`, or remove the file"
    ]
    assert wrong("", a=TEA) == [
        "programme.yaml:1:1: the file is empty — start with `programme: my-shop`"
    ]
    assert wrong(MAIN, a="offers: [tea]\n", b=TEA) == [
        "a.yaml:1:9: offers: here stands no list of keys — write key: value"
    ]
    assert "b.yaml:1:9: not readable as YAML" in wrong(MAIN, b="offers: ]\n")[0]


def test_too_many_files_are_refused() -> None:
    parts = {f"p{number}": f"note: {number}\n" for number in range(FILES_MAX)}
    assert "at most 500 are read" in wrong(MAIN, **parts)[0]
    parts.popitem()
    assert sound(joined(MAIN, **parts)).offers == ()


def test_the_names_of_case_files_stay_behind_and_the_main_note_comes_along() -> None:
    found = joined(MAIN + "note: ours\ncases: b.yaml\n", a="note: theirs\ncases: [a.yaml]\n")
    assert sound(found).cases == ("a.yaml", "b.yaml")
    assert found.text == "programme: shop\ncurrency: EUR\nnote: ours\n"


texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20) | st.sampled_from(
    ["", "10 % off", "a: b", "- x", "#", "yes", "'", '"', "\\", "1 # 2", "a\nb", "\x85", "\u2028"]
)
trees = st.recursive(
    texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(texts, trees, min_size=1, max_size=3))
def test_what_is_written_is_read_back(tree: dict[str, object]) -> None:
    root = node_of(tree)
    assert isinstance(root, Mapping)
    read, problems = read_nodes(yaml_text(root), file="text")
    assert problems == []
    assert read is not None
    assert tree_of(read) == tree


def node_of(tree: object) -> Node:
    if isinstance(tree, dict):
        keys = {name: Scalar(name, 0, 0) for name in tree}
        return Mapping({name: node_of(item) for name, item in tree.items()}, keys, 0, 0)
    if isinstance(tree, list):
        return Sequence([node_of(item) for item in tree], 0, 0)
    assert isinstance(tree, str)
    return Scalar(tree, 0, 0)


def tree_of(node: Node) -> object:
    if isinstance(node, Mapping):
        return {name: tree_of(item) for name, item in node.entries.items()}
    if isinstance(node, Sequence):
        return [tree_of(item) for item in node.items]
    return node.text
