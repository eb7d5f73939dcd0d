"""One word for one thing: no public class or function of the program has the name of another."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAM = ("trackrev_stream", "collectors", "tables")

# Names that stand in several modules, each with its reason. The programs below ops/ (stand-in, auditor, demo,
# benchmarks) are programs of their own, and share no names with this one by design.
MEANT = {
    "Conductor": "what is patched in Faust's class of this name, once for each log",
    "Consumer": "what is patched in Faust's class of this name, once for each log",
    "Producer": "what is patched in Faust's class of this name, once for each log",
    "Transport": "what is patched in Faust's class of this name, once for each log",
    "find": "the same question to each kind of database",
    "is_transient": "the same question to each kind of database, and to whichever it is",
    "sweep": "the same task for each kind of database",
    "upgrade": "the name that Alembic calls, once for each migration",
}
MOST_LOOSE_MODULES = 7


def defined() -> dict[str, set[str]]:
    """The public classes and functions of the program, each with the modules that define it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in (path for place in PROGRAM for path in (ROOT / place).rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                found[node.name].add(str(path.relative_to(ROOT)))
    return {name: places for name, places in found.items() if not name.startswith("_")}


def test_no_two_things_share_a_name() -> None:
    shared = {name: places for name, places in defined().items() if len(places) > 1}
    assert {name: sorted(places) for name, places in shared.items() if name not in MEANT} == {}
    assert set(MEANT) <= set(shared), "a reason without a name is out of date"


def test_the_program_has_rooms_and_few_loose_modules() -> None:
    loose = [path.name for path in (ROOT / "trackrev_stream").glob("*.py") if path.name != "__init__.py"]
    assert len(loose) < MOST_LOOSE_MODULES, loose
