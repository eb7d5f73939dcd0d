import pytest

from trackrev_stream.domain.acquisition.channel_names import STANDARD, first_spelling, is_reserved, respelled


@pytest.mark.parametrize("name", ["unattributed", " Unattributed", "DIRECT", "di rect", "Direct\t"])
def test_what_nobody_earned_and_what_nothing_brought_are_no_names_to_give(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["Directory", "Un attributed ones", "", "Newsletter"])
def test_any_other_name_is_free(name: str) -> None:
    assert not is_reserved(name)


@pytest.mark.parametrize(
    ("name", "stands"),
    [
        (" NEWSLETTER ", "newsletter"),
        ("paid  search", "Paid Search"),
        ("E\u0301MILE", "\u00e9mile"),
        ("STRASSE", "Straße"),
        ("Podcast", "Podcast"),
    ],
)
def test_the_first_spelling_stands(name: str, stands: str) -> None:
    assert first_spelling(name, [*STANDARD, "newsletter", "Newsletter", "\u00e9mile", "Straße"]) == stands


def test_reports_show_the_first_spelling_that_is_known_or_else_the_first_of_all() -> None:
    found = ["YouTube", "Newsletter", "youtube", "newsletter", "podcast", "PODCAST", "email"]
    known = [*STANDARD, "newsletter", "Newsletter"]
    assert respelled(found, known) == {
        "Newsletter": "newsletter",
        "youtube": "YouTube",
        "podcast": "PODCAST",
        "email": "Email",
    }


def test_what_somebody_earned_is_never_reported_as_nobodys() -> None:
    assert respelled(["unattributed", "Unattributed", "UNATTRIBUTED"], STANDARD) == {
        "Unattributed": "UNATTRIBUTED"
    }
