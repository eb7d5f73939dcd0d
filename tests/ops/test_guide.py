"""The guide agrees with the program: settings, reasons, links and what `make` says."""

import re
import subprocess
from pathlib import Path

import pytest

from trackrev_stream import settings
from trackrev_stream.contracts.reasons import DropReason
from trackrev_stream.domain.attribution.decision import Reason

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "ops/guide"
PAGES = [ROOT / "README.md", ROOT / "CHANGES.md", *sorted(GUIDE.glob("*.md"))]
# Those under which nobody is credited, and the one under which only direct visits are.
EXPLAINED = (
    Reason.NO_EMAIL,
    Reason.NO_VISITOR,
    Reason.NO_TOUCH,
    Reason.TOO_LATE,
    Reason.LEFT,
    Reason.RENEWAL_UNATTRIBUTED,
    Reason.ONLY_DIRECT,
)
# No policy of the program drops for these now.
NOT_IN_USE = {DropReason.GPC}


def rows(page: str) -> dict[str, list[str]]:
    """The rows of the tables of a page that begin with a name in backticks, by that name."""
    lines = re.findall(r"^\| `(\w+)` \| (.+) \|$", (GUIDE / page).read_text(), re.MULTILINE)
    return {name: rest.replace(r"\|", "").split(" | ") for name, rest in lines}


def test_every_setting_is_on_the_page_and_no_other() -> None:
    assert set(rows("settings.md")) == set(settings.VARIABLES)
    named = set(re.findall(r"TRACKREV_[A-Z_]+", (GUIDE / "settings.md").read_text()))
    assert named == set(settings.VARIABLES)


@pytest.mark.parametrize("name", settings.VARIABLES)
def test_a_setting_has_a_meaning_a_default_and_an_example(name: str) -> None:
    meaning, default, example = rows("settings.md")[name]
    assert meaning
    assert default
    assert example


def test_the_examples_of_settings_can_be_used() -> None:
    examples = {name: row[2].strip("`") for name, row in rows("settings.md").items()}
    del examples["TRACKREV_KAFKA_CA_FILE"]  # a file
    examples["TRACKREV_SECRET_KEY"] = "k" * 43
    assert settings.read_settings(examples).partitions == int(examples["TRACKREV_PARTITIONS"])


def test_every_reason_without_credit_is_explained() -> None:
    text = (GUIDE / "unattributed.md").read_text()
    assert [reason.value for reason in EXPLAINED if f"`{reason.value}`" not in text] == []


def test_every_reason_to_drop_a_hit_is_on_the_page() -> None:
    text = (GUIDE / "pixel.md").read_text()
    wanted = set(DropReason) - NOT_IN_USE
    assert [reason.value for reason in wanted if f"`{reason.value}`" not in text] == []


def test_the_page_of_the_script_has_all_that_the_script_knows() -> None:
    script = (ROOT / "collectors/pixel/p.js").read_text()
    page = (GUIDE / "pixel.md").read_text()
    block = re.search(r"var commands = \{\n(.*?)\n  \}\n", script, re.DOTALL)
    assert block
    commands = re.findall(r"^    (\w+):", block[1], re.MULTILINE)
    assert len(commands) == 4
    assert [name for name in commands if f"`trackrev('{name}'" not in page] == []
    attributes = {re.sub(r"([A-Z])", r"-\1", name).lower() for name in re.findall(r"\bdata\.(\w+)", script)}
    assert {f"data-{name}" for name in attributes} == set(
        re.findall(r"^\| `(data-[\w-]+)`", page, re.MULTILINE)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_a_heading_find_it(page: Path) -> None:
    for link, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
        text = (page.parent / link if link else page).read_text()
        headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        assert anchor in {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_make_alone_says_what_there_is() -> None:
    told = subprocess.run(
        ["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: ((?:.|\\\n)+?)$(?<!\\)", makefile, re.MULTILINE)
    assert phony
    targets = phony[1].replace("\\", " ").split()
    shown = dict(re.findall(r"^  ([a-z-]+) +(\S.+)$", told.stdout, re.MULTILINE))
    assert set(targets) == set(shown)


def test_the_picture_is_small() -> None:
    assert (GUIDE / "live-page.png").stat().st_size < 200_000
