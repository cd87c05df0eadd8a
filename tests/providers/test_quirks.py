"""The tables of quirks and contradictions are whole, and name tests that exist, down to their parameters."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.lifecycle import test_endings as apertis_endings
from tests.lifecycle import test_providers as provider_endings

from .quirks import CONTRADICTIONS, QUIRKS, Quirk

ROOT = Path(__file__).resolve().parents[2]
KNOWN = {
    "tests/lifecycle/test_endings.py": set(apertis_endings.ENDINGS),
    "tests/lifecycle/test_providers.py": {f"{provider} {ending}" for provider, ending, _ in provider_endings.cases()},
}


@cache
def names_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("table", "count"), [(QUIRKS, 35), (CONTRADICTIONS, 28)], ids=["quirks", "contradictions"])
def test_every_number_is_there_in_order(table: tuple[Quirk, ...], count: int) -> None:
    assert [quirk.number for quirk in table] == list(range(1, count + 1))
    assert len({quirk.says for quirk in table}) == count


@pytest.mark.parametrize("quirk", [*QUIRKS, *CONTRADICTIONS], ids=lambda quirk: f"{quirk.number} {quirk.says[:40]}")
def test_every_one_is_held_by_tests_that_exist(quirk: Quirk) -> None:
    assert quirk.proofs
    for proof in quirk.proofs:
        path, _, name = proof.partition("::")
        function, _, parameter = name.partition("[")
        assert function in names_in(path), proof
        if parameter and path in KNOWN:
            assert parameter.removesuffix("]") in KNOWN[path], proof
