import string

from hypothesis import given
from hypothesis import strategies as st

from tests.facts import NOW
from trackrev_stream.contracts.click_token import LONGEST_AGE_MS, sign, verify_click
from trackrev_stream.domain.journeys.touch import Click

SECRET = b"click-secret"
CLICK = Click("0192f0c1-7c1e-7abc-8def-cccccccccccc", "spring", "Newsletter", "anna", NOW)
TOKEN = sign(CLICK, "ws_1", SECRET)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_what_is_signed_verifies(link: str, channel: str, partner: str) -> None:
    click = Click("id-1", link, channel, partner, NOW)
    token = sign(click, "ws_1", SECRET)
    assert set(token) <= set(string.ascii_letters + string.digits + "-_.")
    assert verify_click(token, "ws_1", SECRET, NOW) == click


def test_tokens_are_short() -> None:
    assert len(TOKEN) <= 160


def test_a_token_is_of_its_workspace_and_secret() -> None:
    assert verify_click(TOKEN, "ws_2", SECRET, NOW) is None
    assert verify_click(TOKEN, "ws_1", b"other", NOW) is None
    assert verify_click(sign(CLICK, "ws_1", b""), "ws_1", b"", NOW) is None


def test_a_token_ends() -> None:
    assert verify_click(TOKEN, "ws_1", SECRET, NOW + LONGEST_AGE_MS) == CLICK
    assert verify_click(TOKEN, "ws_1", SECRET, NOW + LONGEST_AGE_MS + 1) is None


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_an_altered_token_is_none(at: int, character: str) -> None:
    altered = TOKEN[:at] + character + TOKEN[at + 1 :]
    assert (verify_click(altered, "ws_1", SECRET, NOW) is None) == (altered != TOKEN)


@given(st.text())
def test_rubbish_is_none(text: str) -> None:
    assert verify_click(text, "ws_1", SECRET, NOW) is None
