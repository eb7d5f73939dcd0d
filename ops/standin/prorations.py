"""What a subscription's period costs, and what is left of one when its price changes. Pure."""

from fractions import Fraction

from ops.standin.billing_objects import Line
from ops.standin.errors import ApiError, Json
from ops.standin.prices import Wanted


def item_of(subscription: Json) -> Json:
    """The one item of a subscription."""
    item: Json = subscription["items"]["data"][0]
    return item


def wanted_of(subscription: Json) -> Wanted:
    item = item_of(subscription)
    return Wanted(item["price"], item["quantity"])


def period_line(subscription: Json) -> Line:
    """The whole current period; nothing, while it is on trial."""
    wanted, free = wanted_of(subscription), subscription["status"] == "trialing"
    return Line(
        amount_minor=0 if free else wanted.amount_minor,
        description="Trial period" if free else f"{wanted.quantity} x {wanted.price['id']}",
        begins_s=subscription["current_period_start"],
        ends_s=subscription["current_period_end"],
        price=wanted.price,
        item=item_of(subscription)["id"],
        subscription=subscription["id"],
    )


def prorated(subscription: Json, to: Wanted, now_s: int) -> list[Line]:
    """Credit for the unused rest of the period at the old price, and the rest at the new one, by the second.

    Raises ApiError 400 for a price of another currency or interval: this stand-in keeps the period.
    Source: https://docs.stripe.com/billing/subscriptions/prorations.
    """
    before = wanted_of(subscription)
    for name in ("interval", "interval_count"):
        if (to.price["recurring"] or {}).get(name) != before.price["recurring"][name]:
            raise ApiError(400, "This stand-in changes to prices of the same interval only.", param="items")
    if to.price["currency"] != before.price["currency"]:
        raise ApiError(400, "The price's currency must be the subscription's.", param="items")
    if subscription["status"] == "trialing":
        return []
    begins, ends = subscription["current_period_start"], subscription["current_period_end"]
    left = Fraction(ends - now_s, ends - begins)

    def line(wanted: Wanted, sign: int, words: str) -> Line:
        # Halves away from zero.
        amount = int(wanted.amount_minor * left + Fraction(1, 2))
        item = item_of(subscription)["id"]
        return Line(sign * amount, words, now_s, ends, wanted.price, item, subscription["id"], proration=True)

    return [line(before, -1, "Unused time"), line(to, 1, "Remaining time")]
