"""`trackrev inspect charge`: what stands of a charge and why."""

import argparse
from functools import partial

from trackrev_stream.api import shapes
from trackrev_stream.cli.context import chosen_workspaces, opened
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.explain.charge import explain
from trackrev_stream.explain.wording import waits
from trackrev_stream.settings import Settings
from trackrev_stream.store.operations.waiting_money import waiting_for
from trackrev_stream.store.reports.charges import find_charge


def inspect_charge(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`inspect charge`."""
    with opened(settings) as (store, sealer):
        told: list[str] = []
        for name in [each.id for each in chosen_workspaces(store, sealer, args.workspace)]:
            found = store.read_now(partial(find_charge, workspace=name, charge=args.charge))
            if found is not None:
                return CommandResult(explain(found), shapes.detail(found))
            waiting = store.read_now(partial(waiting_for, workspace=name, names=[args.charge]))
            told += [line for one in waiting for line in waits(one)]
    missing = f"no charge {args.charge!r} in the book: it may not be here yet, unpaid, or in the other mode"
    raise CommandError(". ".join([missing, *(line.removesuffix(".") for line in told)]))
