"""A fault put into the loaded modules, or into a module as it is loaded.

Owns: how functions come by spoiled code. Must never: write into the source.
"""

import ast
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from tests.mutation.mutants import Mutant, source_of

SOURCE = Path(__file__).parents[2] / "src"


def module_of(mutant: Mutant) -> str:
    """Give the name under which the mutant's module is loaded."""
    return ".".join(mutant.path.relative_to(SOURCE).with_suffix("").parts)


@cache
def code_of(path: Path, mutants: tuple[Mutant, ...]) -> CodeType:
    """Compile a module with the faults of some mutants in it."""
    return compile(source_of(*mutants), str(path), "exec")


def plant(*mutants: Mutant) -> bool:
    """Give the functions of the mutants' module the code that they have with the faults.

    Tells whether the functions with faults were among them: one in a table, or one that a
    decorator has wrapped out of sight, keeps its sound code.
    """
    name, path = module_of(mutants[0]), mutants[0].path
    sound, spoiled = sys.modules[name], ModuleType(name)
    spoiled.__file__ = str(path)
    sys.modules[name] = spoiled  # dataclasses look their module up while they are made
    try:
        exec(code_of(path, mutants), spoiled.__dict__)
    finally:
        sys.modules[name] = sound
    replaced: set[str] = set()
    for key, value in vars(spoiled).items():
        _take_over(vars(sound).get(key), value, name, replaced)
    return all(mutant.function in replaced for mutant in mutants)


def _take_over(sound: object, spoiled: object, module: str, replaced: set[str]) -> None:
    if clear := getattr(sound, "cache_clear", None):
        clear()
    sound, spoiled = _bare(sound), _bare(spoiled)
    if isinstance(sound, FunctionType) and isinstance(spoiled, FunctionType):
        if sound.__module__ == module and not sound.__code__.co_freevars:
            sound.__code__ = spoiled.__code__
            replaced.add(sound.__qualname__)
    elif isinstance(sound, type) and isinstance(spoiled, type) and sound.__module__ == module:
        for key, value in vars(spoiled).items():
            _take_over(vars(sound).get(key), value, module, replaced)


def _bare(value: object) -> object:
    if isinstance(value, property):
        return value.fget
    if isinstance(value, (staticmethod, classmethod)):
        return value.__func__
    return getattr(value, "__wrapped__", value)


class Spoiler(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Loads one module with its fault from the start, and leaves all others alone."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for the mutant's module alone."""
        if fullname != module_of(self.mutant):
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self.mutant.path))

    def get_source(self, fullname: str) -> str:
        """Give the source with the fault."""
        return source_of(self.mutant)

    def get_code(self, fullname: str) -> CodeType:
        """Compile it under the file's own name."""
        tree = ast.parse(self.get_source(fullname))
        return compile(tree, str(self.mutant.path), "exec")
