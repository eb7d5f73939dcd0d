"""The real program: refunds that name half of their payment, payments that fail after all, thin payloads."""

from pathlib import Path

from tests.program import stripe
from tests.program.running import Json, Program, Shop, now_ms, running, until

ANNA = "anna@example.com"


def refund(of: Json, name: str, amount: int, **names: str | None) -> Json:
    at = now_ms() // 1_000
    return stripe.event("refund.created", stripe.refund(of, name, amount, at) | names, at)


def failed(of: Json) -> Json:
    gone = of | {"status": "failed", "paid": False, "failure_balance_transaction": "txn_9"}
    return stripe.event("charge.failed", gone, of["created"] + 60)


def waiting(program: Program) -> list[str]:
    """How much the metric says to wait, of each workspace where anything does."""
    return [line.split()[-1] for line in program.metrics() if line.startswith("trackrev_money_waiting{")]


def test_what_names_half_of_a_payment_finds_it_before_and_after_a_restart(tmp_path: Path) -> None:
    now = now_ms() // 1_000
    bought = stripe.charge("ch_1", 4_800, now, ANNA, customer="cus_1")
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        assert shop.webhook(refund(bought, "re_1", 500, payment_intent=None)).status == 200
        told = program.run("inspect", "charge", "ch_1")
        until(
            lambda: "re_1 of 5.00 USD waits" in program.run("inspect", "charge", "ch_1").stderr,
            "that it waits",
        )
        assert told.returncode == 1
        asked = program.run("inspect", "charge", "re_1")
        assert asked.returncode == 1
        assert "no charge of the ledger belongs to the refund 're_1' yet" in asked.stderr
        assert "re_1 of 5.00 USD waits" in asked.stderr
        until(lambda: waiting(program) == ["1.0"], "that the metric says so")
        assert shop.webhook(stripe.succeeded(bought)).status == 200
        shop.worth("ch_1", 4_300)
        until(lambda: waiting(program) == [], "that the metric knows that nothing waits any more")
        assert shop.webhook(refund(bought, "re_2", 300, charge=None)).status == 200
        shop.worth("ch_1", 4_000)
        assert program.stop() == 0
    with running(tmp_path / "data") as program:
        shop = Shop(program, shop.workspace, shop.api_key, "")
        assert shop.webhook(refund(bought, "re_3", 1_000, payment_intent=None)).status == 200
        found = shop.worth("ch_1", 3_000)
        assert found["waiting"] == []
        assert [one["amount_minor"] for one in found["entries"] if one["reason"] == "refund"] == [
            -500,
            -300,
            -1_000,
        ]


def test_a_payment_that_fails_after_all_is_worth_nothing_in_both_orders(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        for name, backwards in (("ch_1", False), ("ch_2", True)):
            bought = stripe.charge(name, 4_800, now_ms() // 1_000, ANNA, customer="cus_1")
            told = [stripe.succeeded(bought), failed(bought)]
            for event in told[::-1] if backwards else told:
                assert shop.webhook(event).status == 200
            found = shop.worth(name, 0)
            assert (found["gross_minor"], found["reason"], found["credits"]) == (0, "charge_failed", [])
            assert sum(one["amount_minor"] for one in found["entries"]) == 0
        assert {row["gross_minor"] for row in shop.channels().values()} <= {0}
        inspected = program.run("inspect", "charge", "ch_1")
        assert "the payment failed after it had succeeded" in inspected.stdout


def test_thin_payloads_without_a_key_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        thin = {
            "id": "evt_1",
            "object": "v2.core.event",
            "created": "2026-11-30T10:00:00.000Z",
            "livemode": True,
            "related_object": {"id": "ch_1", "type": "charge", "url": "/v1/charges/ch_1"},
            "type": "v1.charge.succeeded",
        }
        answer = shop.webhook(thin)
        assert answer.status == 422
        assert "trackrev stripe connect ws_shop --key" in answer.json["error"]["message"]
