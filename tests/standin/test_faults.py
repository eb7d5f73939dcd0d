"""Failures on request, limits of rate, and counts of what was asked."""

import asyncio
from typing import Any

import aiohttp
import pytest
import stripe

from ops.standin import Fault
from tests.standin.support import Hand, client, pay, run, standing_in

LIST = "GET /v1/charges"


async def _get(url: str, path: str = "/v1/charges") -> aiohttp.ClientResponse:
    headers = {"Authorization": "Bearer rk_test_standin"}
    async with aiohttp.ClientSession() as session, session.get(url + path, headers=headers) as response:
        await response.read()
        return response


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        (Fault(LIST, status=429), 429, None),
        (Fault(LIST, status=429, retry_after_s=3), 429, "3"),
        (Fault("*", status=503), 503, None),
        (Fault("GET /v1/refunds", status=500), 200, None),
        (Fault(LIST, status=500, skip=1), 200, None),
        (Fault(LIST, status=500, times=0), 200, None),
    ],
)
def test_an_endpoint_fails_on_request(fault: Fault, status: int, retry_after: str | None) -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in:
            stand_in.faults.append(fault)
            response = await _get(stand_in.url)
            assert (response.status, response.headers.get("Retry-After")) == (status, retry_after)
            assert response.headers["Request-Id"].startswith("req_")
            stand_in.faults.clear()
            assert (await _get(stand_in.url)).status == 200

    run(scenario())


def test_a_fault_ends_after_its_times() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in:
            stand_in.faults.append(Fault(LIST, status=502, skip=1, times=2))
            assert [(await _get(stand_in.url)).status for _ in range(5)] == [200, 502, 502, 200, 200]
            assert stand_in.traffic.answers == {(LIST, 200): 3, (LIST, 502): 2}

    run(scenario())


@pytest.mark.parametrize("drop", ["before", "midway"])
def test_a_connection_breaks_on_request(drop: str) -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            await pay(api)
            # Every time: the client asks again by itself.
            stand_in.faults.append(Fault(LIST, drop=drop, times=None))
            with pytest.raises(aiohttp.ClientError):
                await _get(stand_in.url)
            assert set(stand_in.traffic.answers) - {("POST /v1/payment_intents", 200)} == {(LIST, 0)}
            stand_in.faults.clear()
            assert (await _get(stand_in.url)).status == 200

    run(scenario())


def test_an_answer_waits_for_an_event() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in:
            gate = asyncio.Event()
            stand_in.faults.append(Fault(LIST, until=gate))
            waiting = asyncio.create_task(_get(stand_in.url))
            assert (await _get(stand_in.url, "/v1/refunds")).status == 200
            assert not waiting.done()
            gate.set()
            assert (await waiting).status == 200

    run(scenario())


def test_a_rate_is_limited_by_endpoint_and_in_all() -> None:
    async def scenario() -> None:
        sent = Hand()
        async with standing_in(sent_clock=sent) as stand_in:
            stand_in.limits.endpoint_a_second, stand_in.limits.search_a_second = 2, 1
            statuses = [(await _get(stand_in.url)).status for _ in range(3)]
            assert statuses == [200, 200, 429]
            assert (await _get(stand_in.url, "/v1/refunds")).status == 200
            search = "/v1/charges/search?query=amount>0"
            answers = [await _get(stand_in.url, search) for _ in range(2)]
            assert [answer.status for answer in answers] == [200, 429]
            assert answers[1].headers["Stripe-Rate-Limited-Reason"] == "endpoint-rate"
            sent.now_ms += 1000
            stand_in.limits.a_second = 1
            assert (await _get(stand_in.url)).status == 200
            refused = await _get(stand_in.url, "/v1/refunds")
            assert refused.headers["Stripe-Rate-Limited-Reason"] == "global-rate"

    run(scenario())


def test_stripes_library_knows_a_limit_as_one() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            stand_in.faults.append(Fault(LIST, status=429))
            with pytest.raises(stripe.RateLimitError) as caught:
                await api.v1.charges.list_async()
            assert caught.value.http_status == 429

    run(scenario())


def test_reads_are_counted_by_endpoint() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            made = [str((await pay(api)).latest_charge) for _ in range(3)]
            for charge in made:
                await api.v1.charges.retrieve_async(charge)
            await api.v1.charges.list_async()
            await api.v1.charges.search_async({"query": "amount>0"})
            reads = f"{stand_in.url}/_standin/reads"
            async with aiohttp.ClientSession() as session, session.get(reads) as response:
                told = await response.json()
            counted = {"GET /v1/charges/{id}": 3, "GET /v1/charges": 1, "GET /v1/charges/search": 1}
            assert stand_in.traffic.reads() == told == counted

    run(scenario())


@pytest.mark.parametrize("asked", [{"drop": "sometimes"}, {"status": 200}])
def test_what_is_no_fault_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"drop is|status is"):
        Fault(**asked)


def test_another_process_sets_faults_limits_and_search() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, aiohttp.ClientSession(stand_in.url) as session:

            async def post(path: str, body: dict[str, Any]) -> int:
                async with session.post(path, json=body) as response:
                    return response.status

            assert await post("/_standin/faults", {"endpoint": LIST, "status": 503}) == 200
            assert await post("/_standin/faults", {"endpoint": LIST, "drop": "now"}) == 400
            assert (await _get(stand_in.url)).status == 503
            assert await post("/_standin/limits", {"a_second": 7}) == 200
            assert stand_in.limits.a_second == 7
            assert await post("/_standin/search", {"available": False}) == 200
            assert not stand_in.search_available

    run(scenario())
