"""Every planted fault can be read, differs from what stood there, and its seed draws it again."""

import ast
from pathlib import Path

from tests.mutation.mutants import mutants_of, sampled, source_of

MONEY = Path(__file__).parents[2] / "src" / "tessera" / "core" / "money.py"


def test_each_mutant_changes_one_place_and_still_compiles() -> None:
    sound = ast.unparse(ast.parse(MONEY.read_text("utf-8")))
    mutants = mutants_of(MONEY)
    texts = [source_of(mutant) for mutant in mutants]
    assert len(set(texts)) > 40
    for mutant, text in zip(mutants, texts, strict=True):
        compile(text, mutant.path, "exec")
        assert text != sound
        assert mutant.before != mutant.after or mutant.before.startswith("if ")


def test_the_same_seed_draws_the_same_mutants() -> None:
    assert sampled([MONEY], 5, 1) == sampled([MONEY], 5, 1)
    assert sampled([MONEY], 5, 1) != sampled([MONEY], 5, 2)
