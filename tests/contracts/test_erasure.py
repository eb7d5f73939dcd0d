"""What is left of a person's records: credits, and nothing that leads to anyone."""

import orjson
import pytest

from tests.facts import NOW, VISITOR, hit
from trackrev_stream.contracts.codec import decode_frame, encode, encode_frame
from trackrev_stream.contracts.erasure import Erasure, letter_mentions, payers_with, visitors_with
from trackrev_stream.contracts.records import Interest, PayerJourneys
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.attribution.decision import Considered, Credit, Decision, Reason
from trackrev_stream.domain.journeys.identity import Identity
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind, Touch, Trust, touch_of

KEY, NOBODY_KEY = "a" * 32, "b" * 32
NOBODY = VISITOR[:-1] + "f"
OTHER = VISITOR[:-1] + "0"
ERASURE = Erasure({KEY: NOBODY_KEY, VISITOR: NOBODY}, {"earned"})
URL = "https://shop.example/divorce-lawyers?utm_source=news&utm_medium=email&name=anna"


def erased(*hits: Hit) -> list[Hit]:
    frame = ERASURE.record(PIXEL_HITS.name, encode_frame(encode(each) for each in hits))
    found = decode_frame(Hit, frame) if frame else []
    return [each for each in found if isinstance(each, Hit)]


def test_of_hits_only_those_that_earned_stay_without_the_page() -> None:
    earned = hit(id="earned", visitor=VISITOR, url=URL, referrer="https://mail.example/inbox/anna")
    passed = hit(id="passed", visitor=VISITOR, url=URL)
    others = hit(id="others", visitor=OTHER, url=URL)
    kept, other = erased(earned, passed, others)
    assert (kept.visitor, other) == (NOBODY, others)
    assert "divorce" not in kept.url
    assert "anna" not in kept.url + kept.referrer
    made, was = touch_of(kept), touch_of(earned)
    assert made is not None
    assert was is not None
    assert (made.channel, made.source, made.occurred_at) == (was.channel, was.source, was.occurred_at)


def test_a_tracked_click_keeps_no_address_at_all() -> None:
    click = Click("earned", "yt", "YouTube", "p_1", NOW)
    (kept,) = erased(hit(id="h", visitor=VISITOR, url=URL, click=click))
    assert (kept.url, kept.referrer, kept.click) == ("", "", click)


def test_an_identify_stays_as_nobodys() -> None:
    (kept,) = erased(hit(visitor=VISITOR, kind=HitKind.IDENTIFY, email_key=KEY, url=URL))
    assert (kept.visitor, kept.email_key, kept.url) == (NOBODY, NOBODY_KEY, "")


def test_a_frame_of_which_nothing_stays_goes() -> None:
    frame = encode_frame([encode(hit(visitor=VISITOR))])
    assert ERASURE.record(PIXEL_HITS.name, frame) is None


def journey(visitor: str) -> Journey:
    touches = tuple(Touch(name, NOW, "Email", "news", url=URL) for name in ("earned", "passed"))
    return Journey(f"ws|e:{KEY}", visitor, 1, touches, (Identity(f"ws|e:{KEY}", Trust.SIGNED, NOW, NOW),))


def test_journeys_keep_what_earned_and_those_of_others_stay_whole() -> None:
    told = PayerJourneys("ws|own|live|cus_1", f"ws|e:{KEY}", 1, (journey(VISITOR), journey(OTHER)))
    raw = ERASURE.row(encode(told))
    mine, other = orjson.loads(raw)["data"]["journeys"]
    assert [(touch["id"], touch["url"]) for touch in mine["touches"]] == [("earned", "")]
    assert [(touch["id"], touch["url"]) for touch in other["touches"]] == [("earned", URL), ("passed", URL)]
    assert not ERASURE.mentioned.search(raw)


def test_decisions_keep_the_credit_and_forget_what_was_considered() -> None:
    touch = Touch("earned", NOW, "Email", "news", url=URL)
    decision = Decision(
        Reason.LAST_NON_DIRECT,
        (Credit(VISITOR, touch),),
        considered=(Considered(VISITOR, touch, "credited"), Considered(OTHER, touch, "an earlier click")),
    )
    kept = orjson.loads(ERASURE.row(encode(decision)))["data"]
    assert (kept["credits"][0]["visitor"], kept["credits"][0]["touch"]["url"]) == (NOBODY, "")
    assert [each["visitor"] for each in kept["considered"]] == [OTHER]


def test_whose_an_email_is() -> None:
    told = encode(PayerJourneys("ws|own|live|cus_1", f"ws|e:{KEY}", 1, (journey(VISITOR), journey(OTHER))))
    assert visitors_with(KEY, told) == {VISITOR, OTHER}
    interest = encode(Interest(f"ws|e:{KEY}", "ws|own|live|cus_1", 1))
    assert payers_with(KEY, interest) == {"ws|own|live|cus_1"}
    two = encode_frame(
        [encode(hit(visitor=OTHER)), encode(hit(visitor=VISITOR, kind=HitKind.IDENTIFY, email_key=KEY))]
    )
    assert visitors_with(KEY, two) == {VISITOR}


@pytest.mark.parametrize(("payload", "found"), [("anna", False), ("not base64 !", False)])
def test_a_letter_of_another(payload: str, found: bool) -> None:
    assert letter_mentions(payload, ERASURE.mentioned) is found


def test_what_is_not_json_is_renamed_all_the_same() -> None:
    assert ERASURE.row(b"\xff " + KEY.encode()) == b"\xff " + NOBODY_KEY.encode()
