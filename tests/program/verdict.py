"""The ledger against the journal: each function lists what is wrong, and nothing when all is right."""

from collections import Counter, defaultdict

from tests.program.running import Json, Shop
from tests.program.shoppers import Journal, Purchase


def wrong_sums(journal: Journal, entries: list[Json]) -> list[str]:
    """Every charge once, its whole net under the channel and link that earned it, and nothing else."""
    standing: defaultdict[str, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    gross: Counter[str] = Counter()
    for entry in entries:
        place = (entry["channel"], entry["link"], entry["currency"])
        standing[entry["charge"]][place] += entry["amount_minor"]
        gross[entry["charge"]] += entry["amount_minor"] * (entry["reason"] == "credit")
    found = [f"{charge} was never bought" for charge in standing.keys() - journal.purchases.keys()]
    for charge, purchase in sorted(journal.purchases.items()):
        if charge not in standing and not purchase.certain:
            continue
        places = {place: amount for place, amount in standing[charge].items() if amount}
        expected = (
            {(purchase.channel, purchase.link, purchase.currency): purchase.net} if purchase.net else {}
        )
        if places != expected or gross[charge] != purchase.amount:
            found.append(f"{purchase}: gross {gross[charge]}, stands at {places}")
    seqs = [entry["seq"] for entry in entries]
    if len(set(seqs)) != len(seqs) or seqs != sorted(seqs):
        found.append("the numbers of the entries repeat or go back")
    if len({entry["entry_id"] for entry in entries}) != len(entries):
        found.append("ids of entries repeat")
    return found


def wrong_charges(journal: Journal, shop: Shop) -> list[str]:
    """What the API says of each charge: status, gross, net, whose it is, and entries that add up."""
    return [
        f"{purchase}: {told}"
        for charge, purchase in sorted(journal.purchases.items())
        if not _is_right(purchase, told := shop.charge(charge))
    ]


def _is_right(purchase: Purchase, told: Json | None) -> bool:
    if told is None:
        return not purchase.certain
    earned = [(purchase.channel, purchase.link)] if purchase.channel != "unattributed" else []
    return bool(
        (told["gross_minor"], told["net_minor"], told["currency"])
        == (purchase.amount, purchase.net, purchase.currency)
        and told["status"] == ("credited" if earned else "unattributed")
        and [(credit["channel"], credit["link"]) for credit in told["credits"]] == earned
        and sum(entry["amount_minor"] for entry in told["entries"]) == purchase.net
    )


def wrong_clicks(journal: Journal, channels: dict[str, Json]) -> list[str]:
    """Clicks and visitors of each channel; a click on a link may count though its answer never came."""
    found = []
    for channel in sorted(journal.visitors.keys() | (channels.keys() - {"unattributed"})):
        row = channels.get(channel, {"clicks": 0, "visitors": 0})
        least, visitors = journal.clicks[channel], len(journal.visitors[channel])
        most = least + journal.perhaps[channel]
        if not least <= row["clicks"] <= most or row["visitors"] != visitors:
            found.append(f"{channel}: {row}, but {least} to {most} clicks of {visitors} visitors")
    return found
