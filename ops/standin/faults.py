"""Failures on request, limits of rate, and the count of what was asked."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from ops.standin.errors import ApiError

LIMIT_A_SECOND = 100
ENDPOINT_LIMIT_A_SECOND = 25
SEARCH_LIMIT_A_SECOND = 20
"""Stripe's own in live mode: https://docs.stripe.com/rate-limits."""


@dataclass(slots=True)
class Fault:
    """What goes wrong with requests to an endpoint such as `GET /v1/charges`, or to any (`*`).

    The first `skip` requests go well, then `times` of them fail (None: all). A `status` is answered in place
    of the right answer, with Retry-After when `retry_after_s` is set; `slow_s` waits before the answer, and
    `until` waits for an event; `drop` breaks the connection: `before` anything was done, or `midway` through
    the body of the right answer.
    """

    endpoint: str = "*"
    times: int | None = 1
    skip: int = 0
    status: int | None = None
    retry_after_s: int | None = None
    slow_s: float = 0.0
    until: asyncio.Event | None = None
    drop: str | None = None

    def __post_init__(self) -> None:
        if self.drop not in {None, "before", "midway"}:
            raise ValueError(f"drop is 'before' or 'midway', not {self.drop!r}")
        if self.status is not None and not 400 <= self.status <= 599:
            raise ValueError(f"status is a failure from 400 to 599, not {self.status}")

    def concerns(self, endpoint: str) -> bool:
        """Whether this request is to fail. Counts it, so ask once for each."""
        if self.endpoint not in {"*", endpoint} or self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def refusal(self) -> ApiError | None:
        """What is answered in place of the right answer, if anything."""
        if self.status is None:
            return None
        wait = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status == 429:
            return too_many("global-rate", wait)
        return ApiError(
            self.status,
            "An unknown error occurred (the stand-in was asked to fail).",
            kind="api_error",
            headers=wait,
        )


def too_many(reason: str, headers: dict[str, str] | None = None) -> ApiError:
    """The refusal of a request beyond a limit; `reason` is one of Stripe's, such as `endpoint-rate`."""
    return ApiError(
        429,
        "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        headers={"Stripe-Rate-Limited-Reason": reason, **(headers or {})},
    )


@dataclass(slots=True)
class Limits:
    """How many requests a second are answered, in all and by endpoint; None is without limit.

    Seconds are those of `clock_ms`: windows of one second, not Stripe's bucket, so that tests can tell.
    """

    clock_ms: Callable[[], int]
    a_second: int | None = None
    endpoint_a_second: int | None = None
    search_a_second: int | None = None
    _second: int = -1
    _seen: Counter[str] = field(default_factory=Counter)

    def like_stripe(self) -> None:
        """Sets the limits that Stripe has in live mode."""
        self.a_second = LIMIT_A_SECOND
        self.endpoint_a_second = ENDPOINT_LIMIT_A_SECOND
        self.search_a_second = SEARCH_LIMIT_A_SECOND

    def count(self, endpoint: str) -> None:
        """Counts a request. Raises ApiError 429 when it is one too many."""
        second = self.clock_ms() // 1000
        if second != self._second:
            self._second = second
            self._seen.clear()
        self._seen.update((endpoint, "*"))
        if self.a_second is not None and self._seen["*"] > self.a_second:
            raise too_many("global-rate")
        searching = endpoint.endswith("/search")
        most = self.search_a_second if searching else self.endpoint_a_second
        if most is not None and self._seen[endpoint] > most:
            raise too_many("endpoint-rate")


@dataclass(slots=True)
class Traffic:
    """What was asked: how often each endpoint answered with each status; 0 is a dropped connection."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def add(self, endpoint: str, status: int) -> None:
        self.answers[endpoint, status] += 1

    def reads(self) -> Counter[str]:
        """Requests by reading endpoint, such as `GET /v1/charges/{id}`, whatever was answered."""
        found: Counter[str] = Counter()
        for (endpoint, _), times in self.answers.items():
            if endpoint.startswith("GET /v1/"):
                found[endpoint] += times
        return found

    def clear(self) -> None:
        self.answers.clear()
