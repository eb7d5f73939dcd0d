import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collectors.stripe.signature import Signature
from tests.collectors.edge import CONNECTED, OWN, WORKSPACE, DictDirectory, Edge, on_edge
from tests.contracts.stripe.objects import (
    charge,
    checkout_session,
    customer,
    dispute,
    event,
    invoice,
    invoice_payment,
    payment_intent,
    refund,
    subscription,
)
from tests.facts import NOW
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.stripe.events import event_types
from trackrev_stream.contracts.topics import STRIPE_ACCOUNTS
from trackrev_stream.domain.payments.subscription import AccountFact
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, partition_of
from trackrev_stream.metrics import REGISTRY

NOW_S = NOW // 1_000


def signature(raw: bytes, secret: str = "whsec_new", at: int = NOW_S) -> str:
    return str(stripe.WebhookSignature.generate_signature_header(raw.decode(), secret, at))


async def post(
    edge: Edge, body: Any, header: str | None = None, workspace: str = "ws_1", secret: str = "whsec_new"
) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Stripe-Signature": signature(raw, secret) if header is None else header}
    response = await edge.client.post(f"/webhooks/stripe/{workspace}", data=raw, headers=headers)
    return response.status, await response.json()


@given(
    st.text().map(str.encode),
    st.lists(st.sampled_from(("whsec_a", "whsec_b")), min_size=1, max_size=3),
    st.integers(0, 2**33),
    st.sampled_from(("", ",", ",v0=00", ",v1=", ",t=1", ",v0")),
)
def test_a_signature_is_what_the_sdk_takes_for_one(
    raw: bytes, secrets: list[str], at: int, more: str
) -> None:
    digests = [signature(raw, secret, at).partition(",")[2] for secret in secrets]
    header = ",".join((f"t={at}", *digests)) + more
    found = Signature.read(header)
    assert found is not None
    for secret in ("whsec_a", "whsec_b"):
        assert found.is_by(secret, raw) == (secret in secrets) == taken_by_the_sdk(raw, header, secret)


def taken_by_the_sdk(raw: bytes, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(raw, header, secret, tolerance=None)
    except stripe.SignatureVerificationError:
        return False
    return True


def ignored(reason: str) -> float:
    return REGISTRY.get_sample_value("trackrev_webhooks_ignored_total", {"reason": reason}) or 0.0


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new", "whsec_connect"])
def test_a_charge_becomes_a_fact(secret: str) -> None:
    async def scenario(edge: Edge) -> None:
        assert await post(edge, event("charge.succeeded", charge()), secret=secret) == (
            200,
            {"received": True},
        )
        [fact] = edge.log.facts()
        [record] = edge.log.records
        assert (fact.payment, fact.amount_minor, fact.received_at, fact.via) == (
            "pi_1",
            4_200,
            NOW,
            "webhook",
        )
        assert record.key == b"ws_1|own|live|pi_1"
        assert record.partition == partition_of("ws_1|own|live|pi_1", 4)
        assert b"@" not in record.value

    on_edge(scenario)


def test_what_is_known_of_a_payer_goes_its_own_way() -> None:
    async def scenario(edge: Edge) -> None:
        status, _ = await post(edge, event("checkout.session.completed", checkout_session()))
        assert status == 200
        assert [(fact.kind, fact.id) for fact in edge.log.facts()] == [("link", "cs_1")]
        [record] = edge.log.of(STRIPE_ACCOUNTS.name)
        fact = decode(AccountFact, record.value)
        assert (fact.kind, fact.id) == ("customer", "cus_1")
        assert record.key == b"ws_1|own|live|cus_1"
        assert record.partition == partition_of("ws_1|own|live|cus_1", 4)
        assert b"@" not in record.value

    on_edge(scenario)


def test_the_event_names_its_account() -> None:
    async def scenario(edge: Edge) -> None:
        await post(edge, event("charge.succeeded", charge(), account="acct_1"))
        assert edge.log.facts()[0].account == "acct_1"
        before = ignored("account")
        assert (await post(edge, event("charge.succeeded", charge(), account="acct_2")))[0] == 200
        assert ignored("account") == before + 1
        assert len(edge.log.facts()) == 1

    on_edge(scenario)


PLATFORM = StripeConnection("ws_1", EVERY_ACCOUNT, True, ("whsec_platform", "whsec_platform_new"))
MERCHANTS = (
    StripeConnection("ws_2", "acct_2", True, ()),
    StripeConnection("ws_3", "acct_3", False, ("whsec_merchant",)),
    StripeConnection("ws_3", "acct_2", True, ()),
)


def platform() -> DictDirectory:
    """A platform whose endpoint is in ws_1, and two merchants' workspaces."""
    known = {
        name: replace(WORKSPACE, id=name, email_secret=name.encode()) for name in ("ws_1", "ws_2", "ws_3")
    }
    return DictDirectory(known, connections=(OWN, CONNECTED, PLATFORM, *MERCHANTS))


@pytest.mark.parametrize("secret", PLATFORM.webhook_secrets)
def test_what_the_endpoint_of_a_platform_is_told_goes_to_the_workspaces_of_the_account(secret: str) -> None:
    async def scenario(edge: Edge) -> None:
        told = event("charge.succeeded", charge(), account="acct_2")
        assert await post(edge, told, secret=secret) == (200, {"received": True})
        facts = edge.log.facts()
        assert [(fact.workspace, fact.account) for fact in facts] == [("ws_2", "acct_2"), ("ws_3", "acct_2")]
        assert len({fact.email_key for fact in facts}) == 2, "each workspace hashes with a secret of its own"
        await post(edge, event("charge.succeeded", charge(), account="acct_1"), secret=secret)
        await post(edge, event("charge.succeeded", charge()), secret=secret)
        assert [(f.workspace, f.account) for f in edge.log.facts()[2:]] == [
            ("ws_1", "acct_1"),
            ("ws_1", "own"),
        ]

    on_edge(scenario, directory=platform())


@pytest.mark.parametrize(
    ("account", "livemode", "reason"),
    [("acct_9", True, "account"), ("acct_2", False, "livemode"), ("acct_3", True, "livemode")],
)
def test_what_a_platform_is_told_of_others_is_acknowledged_and_counted(
    account: str, livemode: bool, reason: str
) -> None:
    async def scenario(edge: Edge) -> None:
        before = ignored(reason)
        told = event("charge.succeeded", charge(livemode=livemode), account=account, livemode=livemode)
        assert await post(edge, told, secret="whsec_platform") == (200, {"received": True, "ignored": reason})
        assert ignored(reason) == before + 1
        assert edge.log.records == []

    on_edge(scenario, directory=platform())


def test_only_the_secret_of_a_platform_reaches_another_workspace() -> None:
    async def scenario(edge: Edge) -> None:
        told = event("charge.succeeded", charge(), account="acct_2")
        assert await post(edge, told) == (200, {"received": True, "ignored": "account"})
        assert (await post(edge, told, secret="whsec_merchant"))[0] == 400
        assert (await post(edge, told, secret="whsec_platform", workspace="ws_3"))[0] == 400
        assert (await post(edge, told, secret="whsec_merchant", workspace="ws_3"))[0] == 200
        assert [(fact.workspace, fact.account) for fact in edge.log.facts()] == [("ws_3", "acct_2")]

    on_edge(scenario, directory=platform())


def test_a_platform_is_acknowledged_once_every_workspace_is_durable() -> None:
    async def scenario(edge: Edge) -> None:
        edge.log.down = True
        told = event("charge.succeeded", charge(), account="acct_2")
        assert (await post(edge, told, secret="whsec_platform"))[0] == 503

    on_edge(scenario, directory=platform())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (event("payout.paid", {"id": "po_1", "object": "payout"}), "event_type"),
        (event("charge.succeeded", charge(livemode=False), livemode=False), "livemode"),
        (
            event("refund.created", refund(charge=None, payment_intent=None)),
            "no_effect",
        ),
    ],
)
def test_what_has_no_effect_is_acknowledged_and_counted(body: Any, reason: str) -> None:
    async def scenario(edge: Edge) -> None:
        before = ignored(reason)
        assert await post(edge, body) == (200, {"received": True, "ignored": reason})
        assert ignored(reason) == before + 1
        assert edge.log.records == []

    on_edge(scenario)


@pytest.mark.parametrize(
    "header",
    ["", "rubbish", "t=1", "t=,v1=", f"t={NOW_S},v1={'0' * 64}", "t=x,v1=é", "v1=a,t=²"],
)
def test_a_bad_signature_is_refused(header: str) -> None:
    async def scenario(edge: Edge) -> None:
        status, body = await post(edge, event("charge.succeeded", charge()), header)
        assert (status, body["error"]["code"]) == (400, "bad_signature")
        assert edge.log.records == []

    on_edge(scenario)


@pytest.mark.parametrize(
    ("late_s", "status"), [(0, 200), (300, 200), (-300, 200), (301, 400), (-301, 400), (-(10**9), 400)]
)
def test_a_signature_has_its_time(late_s: int, status: int) -> None:
    async def scenario(edge: Edge) -> None:
        raw = json.dumps(event("charge.succeeded", charge())).encode()
        found, body = await post(edge, raw, signature(raw, at=NOW_S - late_s))
        assert found == status
        assert status == 200 or body["error"]["code"] == "stale_signature"

    on_edge(scenario)


def test_a_body_cannot_be_altered() -> None:
    async def scenario(edge: Edge) -> None:
        raw = json.dumps(event("charge.succeeded", charge())).encode()
        assert (await post(edge, raw.replace(b"4200", b"9900"), signature(raw)))[0] == 400
        assert (await post(edge, b"\xff", signature(raw)))[0] == 400

    on_edge(scenario)


def test_unknown_and_unconnected_workspaces_say_so() -> None:
    async def scenario(edge: Edge) -> None:
        body = event("charge.succeeded", charge())
        status, answer = await post(edge, body, workspace="ws_9")
        assert (status, answer["error"]["code"]) == (404, "unknown_workspace")
        edge.directory.connections = (StripeConnection("ws_1", "own", True, ("",)),)
        status, answer = await post(edge, body)
        assert (status, answer["error"]["code"]) == (404, "no_webhook_secret")
        assert "trackrev stripe connect ws_1 --webhook-secret" in answer["error"]["message"]

    on_edge(scenario)


def test_too_large() -> None:
    async def scenario(edge: Edge) -> None:
        padded = charge(metadata={"pad": "x" * 100_000})
        assert (await post(edge, event("charge.succeeded", padded)))[0] == 200
        status, answer = await post(edge, event("charge.succeeded", charge(description="x" * 1_048_576)))
        assert (status, answer["error"]["code"]) == (413, "too_large")

    on_edge(scenario)


def test_nothing_is_acknowledged_that_is_not_durable() -> None:
    async def scenario(edge: Edge) -> None:
        edge.log.down = True
        status, answer = await post(edge, event("charge.succeeded", charge()))
        assert (status, answer["error"]["code"]) == (503, "unavailable")
        assert (await post(edge, event("charge.succeeded", charge(amount="9"))))[0] == 503
        edge.log.down = False
        assert (await post(edge, event("charge.succeeded", charge())))[0] == 200

    on_edge(scenario)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        {"type": 7},
        {"type": "charge.succeeded"},
        event("charge.succeeded", charge(amount="4200")),
        event("charge.succeeded", charge(), livemode=["live"]),
        event("charge.succeeded", charge(id="a b")),
        event("charge.succeeded", charge(refunds={"data": [7]})),
    ],
)
def test_what_verifies_but_is_not_understood_is_kept_without_anything_personal(body: Any) -> None:
    async def scenario(edge: Edge) -> None:
        before = ignored("malformed")
        assert (await post(edge, body))[0] == 200
        [letter] = edge.log.dead_letters()
        kept = json.loads(base64.b64decode(letter.payload))
        assert (letter.processor, letter.failure, letter.topic) == ("collect", "malformed", "stripe-payments")
        assert "@" not in str(kept)
        assert "Jenny" not in str(kept)
        assert edge.log.facts() == []
        assert ignored("malformed") == before + 1

    on_edge(scenario)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = [
    charge,
    refund,
    dispute,
    payment_intent,
    subscription,
    invoice,
    invoice_payment,
    customer,
    checkout_session,
]
FIELDS = sorted({name for make in OBJECTS for name in make()} | {"refunds", "payments", "parent"})


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(event_types()),
            st.sampled_from(OBJECTS),
            st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4),
            st.dictionaries(
                st.sampled_from(["id", "created", "livemode", "account", "type", "data"]), JSON, max_size=2
            ),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_no_verified_event_breaks_the_edge(
    events: list[tuple[str, Callable[..., dict[str, Any]], dict[str, Any], dict[str, Any]]],
) -> None:
    async def scenario(edge: Edge) -> None:
        for event_type, shown, fields, outer in events:
            status, _ = await post(edge, event(event_type, shown(**fields)) | outer)
            assert status == 200

    on_edge(scenario, directory=DictDirectory({"ws_1": WORKSPACE}))
