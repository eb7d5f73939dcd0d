"""Disputes: inquiries, chargebacks, and their money."""

from typing import Any

import pytest
import stripe

from ops.standin import StandIn
from ops.standin.errors import ApiError
from ops.standin.params import Params
from tests.standin.support import client, endpoint, pay, receiving, run, standing_in


def _open(stand_in: StandIn, charge: str, **more: Any) -> str:
    return str(stand_in.platform.disputes.arrange(Params({"charge": charge, **more}))["id"])


def _move(stand_in: StandIn, dispute: str, status: str) -> None:
    stand_in.platform.disputes.arrange(Params({"dispute": dispute, "status": status}))


def _disputed(stand_in: StandIn, charge: str) -> tuple[int, int]:
    balance = stand_in.books.by_charge()[charge]
    return balance.disputed_minor, balance.net_minor


@pytest.mark.parametrize(("evidence", "status", "net"), [("winning", "won", 1000), ("losing", "lost", 0)])
def test_a_chargeback_takes_the_money_and_a_win_brings_it_home(evidence: str, status: str, net: int) -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=1)) as stand_in,
            client(stand_in) as api,
        ):
            charge = str((await pay(api, 1000, payment_method="pm_card_createDispute")).latest_charge)
            [dispute] = (await api.v1.disputes.list_async({"charge": charge})).data
            assert (dispute.status, dispute.amount, dispute.reason) == ("needs_response", 1000, "fraudulent")
            assert [entry.net for entry in dispute.balance_transactions] == [-1000 - 1500]
            assert (await api.v1.charges.retrieve_async(charge)).disputed is True
            assert _disputed(stand_in, charge) == (1000, 0)
            told: Any = {"evidence": {"uncategorized_text": f"{evidence}_evidence"}}
            assert (await api.v1.disputes.update_async(dispute.id, told)).status == status
            assert _disputed(stand_in, charge) == (1000 - net, net)
            assert (await api.v1.charges.retrieve_async(charge)).disputed is True
            with pytest.raises(stripe.InvalidRequestError, match="already closed"):
                await api.v1.disputes.close_async(dispute.id)
            await stand_in.drained()
        won = ["charge.dispute.funds_reinstated"] if status == "won" else []
        assert [type_ for type_ in receiver.types() if "dispute" in type_] == [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            *won,
            "charge.dispute.closed",
        ]
        closed = receiver.objects("charge.dispute.closed")[0]
        assert closed["object"]["status"] == status
        assert closed["previous_attributes"] == {"status": "under_review"}

    run(scenario())


def test_an_inquiry_moves_no_money_until_it_is_a_chargeback() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=1)) as stand_in,
            client(stand_in) as api,
        ):
            first = str((await pay(api, 700, payment_method="pm_card_createDisputeInquiry")).latest_charge)
            second = str((await pay(api, 900)).latest_charge)
            inquiry = _open(stand_in, second, status="warning_needs_response", amount="400")
            assert (_disputed(stand_in, first), _disputed(stand_in, second)) == ((0, 700), (0, 900))
            _move(stand_in, inquiry, "needs_response")
            assert _disputed(stand_in, second) == (400, 500)
            [other] = (await api.v1.disputes.list_async({"charge": first})).data
            closed = await api.v1.disputes.close_async(other.id)
            assert (closed.status, closed.balance_transactions) == ("warning_closed", [])
            with pytest.raises(ApiError, match="cannot end as warning_closed"):
                _move(stand_in, inquiry, "warning_closed")
            await stand_in.drained()
        assert receiver.types().count("charge.dispute.funds_withdrawn") == 1
        assert receiver.types().count("charge.dispute.closed") == 1

    run(scenario())


def test_more_cannot_go_than_came() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            charge = str((await pay(api, 1000)).latest_charge)
            await api.v1.refunds.create_async({"charge": charge, "amount": 600})
            dispute = _open(stand_in, charge)
            assert _disputed(stand_in, charge) == (1000, 0)
            _move(stand_in, dispute, "won")
            assert _disputed(stand_in, charge) == (0, 400)
            [day] = stand_in.books.net_by_day().values()
            assert day == {"usd": 400}

    run(scenario())


def test_a_key_without_the_permission_is_told_its_name() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in, "rk_test_standin") as api:
            with pytest.raises(stripe.PermissionError, match="Having the 'rak_dispute_read' permission"):
                await api.v1.disputes.list_async()

    run(scenario())
