"""ARCHITECTURE.md and GLOSSARY.md name what there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A page may leave out what the rest of its line says: `database/` is in the row of `trackrev_stream/store/`.
ROOMS = [
    place
    for top in ("trackrev_stream", "collectors", "ops", "tests")
    for place in (ROOT / top, *(ROOT / top).rglob("*/"))
]


PACKAGES = (ROOT, ROOT / "trackrev_stream")


def found(name: str) -> Path | None:
    return next((place / name for place in (ROOT, *ROOMS) if (place / name).exists()), None)


@pytest.mark.parametrize("page", ["ARCHITECTURE.md", "GLOSSARY.md"])
def test_every_file_and_room_that_is_named_exists(page: str) -> None:
    named = re.findall(r"`([\w./-]+(?:/|\.(?:py|js|txt|html|md)))`", (ROOT / page).read_text())
    sure = [name for name in named if "/" in name]
    assert len(sure) > 30
    assert [name for name in sure if found(name) is None] == []


def test_every_type_of_the_glossary_is_where_it_says() -> None:
    for line in (ROOT / "GLOSSARY.md").read_text().splitlines():
        where = line.rpartition("| ")[2] if line.startswith("| ") else ""
        for name, types in re.findall(r"`([\w./-]+\.py)`((?:,? `[A-Z]\w+`)*)", where):
            path = found(name)
            assert path is not None, name
            text = path.read_text()
            assert [
                each
                for each in re.findall(r"`(\w+)`", types)
                if not re.search(rf"(class {each}\b|^{each} = )", text, re.MULTILINE)
            ] == [], line


def test_every_module_that_a_docstring_names_exists() -> None:
    rooms = [each.name for each in (ROOT / "trackrev_stream").iterdir() if (each / "__init__.py").exists()]
    named = re.compile(rf"`((?:trackrev_stream\.)?(?:{'|'.join(rooms)}|collectors|tables)(?:\.[a-z_]+)+)`")
    wrong, count = [], 0
    for top in ("trackrev_stream", "collectors", "tables", "ops"):
        for path in (ROOT / top).rglob("*.py"):
            for name in named.findall(path.read_text()):
                count += 1
                where = name.replace(".", "/")
                if not any(
                    (place / f"{where}.py").exists() or (place / where).is_dir() for place in PACKAGES
                ):
                    wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert count > 5
    assert wrong == []
