"""Small faults planted into a module's source, one at a time, as a slip of the hand would.

Owns: which faults there are and where they fit. Must never: run anything.
"""

import ast
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: the module it is in, the line, what stood there and what stands there now.

    `lines` are the first and the last line of the statement, of its head if it has a body: a test
    that runs none of them cannot notice the fault.
    """

    path: Path
    function: str
    line: int
    lines: tuple[int, int]
    before: str
    after: str
    number: int
    choice: int


def _changes(node: ast.AST) -> Iterator[tuple[str, object]]:
    """Give (field, new value) for every fault that fits a node; the field "" replaces the node."""
    yield from _changed_operators(node)
    match node:
        case ast.Constant(value=bool() as value):
            yield "value", not value
        case ast.Constant(value=int() as value):
            yield "value", value + 1
        case ast.Call(func=ast.Name(id=name)) if name in CALLED:
            yield "func", ast.Name(id=CALLED[name], ctx=ast.Load())
        case ast.If(test=test) | ast.IfExp(test=test):
            yield "test", ast.Constant(value=False)
            if not isinstance(test, ast.Compare):
                yield "test", ast.Constant(value=True)
        case ast.Continue():
            yield "", ast.Break()
        case ast.AugAssign() | ast.Expr(value=ast.Call()):
            yield "", ast.Pass()


def _changed_operators(node: ast.AST) -> Iterator[tuple[str, object]]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            yield "ops", [COMPARED[type(op)]()]
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in COMPUTED:
            yield "op", COMPUTED[type(op)]()
        case ast.BoolOp(op=op):
            yield "op", ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "", operand


Lines = tuple[int, int]
Spot = tuple[ast.AST, str, int | None, ast.AST, str, Lines]
"""Parent, field, place in its list, node, the function around it and the lines of its statement."""


def _lines(node: ast.AST, outer: Lines) -> Lines:
    match node:
        case ast.match_case(pattern=ast.AST(lineno=first), body=[ast.stmt(lineno=then), *_]):
            return first, max(first, then - 1)
        case ast.stmt(lineno=first, body=[ast.stmt(lineno=then), *_]):  # type: ignore[misc]
            return first, max(first, then - 1)
        case ast.ExceptHandler(lineno=first, body=[ast.stmt(lineno=then), *_]):
            return first, max(first, then - 1)
        case ast.Match(lineno=first, cases=[ast.match_case(pattern=ast.AST(lineno=then)), *_]):
            return first, max(first, then - 1)
        case ast.stmt(lineno=first, end_lineno=int(last)):
            return first, last
        case _:
            return outer


def _spots(tree: ast.Module) -> Iterator[Spot]:
    """Give every node of every function but annotations and decorators."""
    waiting: list[tuple[ast.AST, str, bool, Lines]] = [(tree, "", False, (0, 0))]
    while waiting:
        parent, name, inside, around = waiting.pop()
        for field, value in ast.iter_fields(parent):
            if field in {"annotation", "returns", "decorator_list", "defaults", "kw_defaults"}:
                continue
            if isinstance(parent, ast.Assert):
                continue  # they never fail; a fault in one is none
            several = value if isinstance(value, list) else [value]
            for place, node in enumerate(several):
                if not isinstance(node, ast.AST):
                    continue
                lines = _lines(node, around)
                if inside:
                    yield (
                        parent,
                        field,
                        place if isinstance(value, list) else None,
                        node,
                        name,
                        lines,
                    )
                if not inside and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    called = f"{name}.{node.name}".lstrip(".")
                    waiting.append((node, called, isinstance(node, ast.FunctionDef), lines))
                elif inside:
                    waiting.append((node, name, True, lines))


@cache
def mutants_of(path: Path) -> list[Mutant]:
    """Give every mutant of a module, in the order of its nodes."""
    tree = ast.parse(path.read_text("utf-8"))
    found = []
    for number, (_, _, _, node, name, lines) in enumerate(_spots(tree)):
        for choice, change in enumerate(_changes(node)):
            before, after = ast.unparse(node), ast.unparse(_spoiled(node, *change))
            found.append(
                Mutant(
                    path=path,
                    function=name,
                    line=getattr(node, "lineno", lines[0]),
                    lines=lines,
                    before=before.splitlines()[0],
                    after=after.splitlines()[0],
                    number=number,
                    choice=choice,
                )
            )
    return found


def source_of(*mutants: Mutant) -> str:
    """Write out the module of some mutants with their faults in it."""
    tree = ast.parse(mutants[0].path.read_text("utf-8"))
    wanted = {one.number: one.choice for one in mutants}
    for number, (parent, field, place, node, _, _) in enumerate([*_spots(tree)]):
        if number in wanted:
            _put(parent, field, place, _spoiled(node, *list(_changes(node))[wanted[number]]))
    return ast.unparse(ast.fix_missing_locations(tree))


def _spoiled(node: ast.AST, name: str, value: object) -> ast.AST:
    if not name:
        assert isinstance(value, ast.AST)
        return value
    spoiled = copy.copy(node)
    setattr(spoiled, name, value)
    return spoiled


def _put(parent: ast.AST, field: str, place: int | None, node: ast.AST) -> None:
    if place is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[place] = node


def sampled(paths: list[Path], count: int, seed: int) -> list[Mutant]:
    """Draw mutants, from each module as many as its share of them all is, and one at least.

    The same for the same seed and source; a change in one module leaves the draw in others that
    keep their share. They come mixed, so that the first hundred tell of all modules, too.
    """
    everything = [found for path in paths if (found := mutants_of(path))]
    total = sum(map(len, everything))
    drawn = []
    for mutants in everything:
        share = max(1, round(count * len(mutants) / total))
        chance = random.Random(f"{seed} {mutants[0].path.name}")
        drawn += chance.sample(mutants, min(share, len(mutants)))
    random.Random(seed).shuffle(drawn)
    return drawn
