"""Taste that is executable: what the linters cannot say."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import tables
from trackrev_stream import metrics, settings
from trackrev_stream.agents.worker import AGENTS
from trackrev_stream.contracts.topics import TOPICS

ROOT = Path(__file__).parent.parent
PROGRAM = sorted(
    path for place in ("trackrev_stream", "collectors", "tables") for path in (ROOT / place).rglob("*.py")
)
ALL = PROGRAM + sorted(path for place in ("ops", "tests") for path in (ROOT / place).rglob("*.py"))
LONGEST_MODULE = 300
LONGEST_TEST_MODULE = 400  # a table of cases is one idea, however long
LONGEST_FUNCTION = 40


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize("path", ALL, ids=named)
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= (LONGEST_MODULE if path in PROGRAM else LONGEST_TEST_MODULE)
    long = [
        node.name
        for node in functions(ast.parse(text))
        if (node.end_lineno or 0) - (node.body[0].lineno - 1 if node.body else node.lineno) > LONGEST_FUNCTION
    ]
    assert not long


@pytest.mark.parametrize("path", PROGRAM, ids=named)
def test_only_the_clock_reads_the_clock(path: Path) -> None:
    reads = re.findall(
        r"\btime\.time\w*\(|datetime\.now\(|datetime\.utcnow\(|date\.today\(", path.read_text()
    )
    assert not reads or named(path) == "trackrev_stream/clock.py"


@pytest.mark.parametrize("path", PROGRAM, ids=named)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    reads = re.findall(r"os\.environ|os\.getenv|getenv\(", path.read_text())
    assert not reads or named(path) == "trackrev_stream/settings.py"


@pytest.mark.parametrize("path", sorted((ROOT / "trackrev_stream/domain").rglob("*.py")), ids=named)
def test_no_float_touches_money(path: Path) -> None:
    tree = ast.parse(path.read_text())
    floats = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
    names = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "float"]
    divisions = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div)]
    assert not floats + names + divisions


@pytest.mark.parametrize("path", ALL, ids=named)
def test_nothing_sleeps_for_a_fixed_time(path: Path) -> None:
    sleeps = re.findall(r"time\.sleep\([1-9]|asyncio\.sleep\([1-9]", path.read_text())
    assert not sleeps


@pytest.mark.parametrize("path", ALL, ids=named)
def test_every_exception_to_a_rule_has_its_reason(path: Path) -> None:
    bare = [
        line
        for line in path.read_text().splitlines()
        if re.search(r"#\s*(noqa|type: ignore)(\[[^\]]*\]|:\s*[A-Z0-9, ]+)?\s*$", line)
    ]
    assert not bare


def test_tables_is_ours_and_not_pytables() -> None:
    assert Path(tables.__file__).is_relative_to(ROOT)


def test_every_topic_has_a_producer_and_a_consumer_that_exist() -> None:
    agents = {spec.name for spec in AGENTS} | {"post", "bury"}
    producers = {spec.name for spec in AGENTS} | {"collectors", "every agent"}
    assert {topic.consumer for topic in TOPICS} == agents
    assert {topic.producer for topic in TOPICS} <= producers
    assert len({topic.name for topic in TOPICS}) == len(TOPICS)


def test_every_table_is_owned_by_an_agent() -> None:
    assert {(spec.table, spec.table.owner) for spec in AGENTS} == {(t, t.owner) for t in tables.TABLES}


def test_every_metric_is_used() -> None:
    names = [name for name, value in vars(metrics).items() if name.isupper() and hasattr(value, "_name")]
    text = "\n".join(path.read_text() for path in PROGRAM if path.name != "metrics.py")
    assert [name for name in names if not re.search(rf"\b{name}\b", text)] == []


def test_every_setting_is_described_and_read() -> None:
    text = (ROOT / "trackrev_stream/settings.py").read_text()
    assert set(re.findall(r"TRACKREV_[A-Z_]+", text)) == set(settings.VARIABLES)


def test_the_documents_speak_of_the_project_alone() -> None:
    texts = [p for p in ROOT.rglob("*") if p.suffix in (".md", ".toml", ".py") and ".venv" not in p.parts]
    home = str(Path.home()) + "/"
    assert [named(p) for p in texts if home in p.read_text() and home != "//"] == []
