"""Lifetime value by month of the first payment."""

import argparse

from trackrev_stream.api import shapes
from trackrev_stream.cli.context import known_workspace, opened
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.contracts.choices import By
from trackrev_stream.domain.ledger.fx import BASE_CURRENCY
from trackrev_stream.domain.values.money import format_minor
from trackrev_stream.settings import Settings
from trackrev_stream.store.reports.ltv import Cohort, Sum, ltv


def lifetime_value(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`ltv`: what the payers of each month came to, by who earned them."""
    by = By(args.by)
    with opened(settings) as (store, sealer):
        workspace = known_workspace(store, sealer, args.workspace)
        found = store.read_now(lambda c: ltv(c, workspace.id, by, workspace.time_zone))
    text = "\n\n".join(_table(cohort, by) for cohort in found)
    return CommandResult(
        text or f"No paid charge of {workspace.id} yet: there is nothing to sum up.",
        {"workspace": workspace.id} | shapes.lifetime_values(found, by, workspace.time_zone),
    )


def _table(cohort: Cohort, by: By) -> str:
    """What remained after refunds, summed up until the end of each month of age, in USD."""
    names = [row.channel if by is By.CHANNEL else f"{row.channel} / {row.link or '-'}" for row in cohort.rows]
    width = max(map(len, [*names, "together"]))
    count = cohort.total.payers
    head = f"{cohort.month}: {count} payer{'s' * (count != 1)}; net in USD, summed up to each month of age"
    ages = f"  {'':{width}} {'payers':>8}" + "".join(f"{age:>12}" for age in range(len(cohort.total.months)))
    lines = [
        f"  {name:{width}} {row.payers:>8}"
        + "".join(f"{_dollars(month.usd_so_far):>12}" for month in row.months)
        for name, row in zip([*names, "together"], [*cohort.rows, cohort.total], strict=True)
    ]
    missing = cohort.total.months[-1].usd_so_far.unconverted
    note = f"  Without {missing} entries that have no rate to USD; --json has them in their own currency."
    return "\n".join([head, ages, *lines, *([note] if missing else [])])


def _dollars(total: Sum) -> str:
    return format_minor(total.net_minor, BASE_CURRENCY).removesuffix(" USD")
