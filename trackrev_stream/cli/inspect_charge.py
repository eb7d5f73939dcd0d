"""`trackrev inspect charge`: what stands of a charge and why."""

import argparse
from functools import partial

from trackrev_stream.api import shapes
from trackrev_stream.cli.context import chosen_workspaces, opened
from trackrev_stream.cli.result import CommandError, Outcome
from trackrev_stream.explain.charge import explain
from trackrev_stream.settings import Settings
from trackrev_stream.store.reports.charges import find_charge


def charge(given: argparse.Namespace, settings: Settings) -> Outcome:
    """`inspect charge`."""
    with opened(settings) as (store, sealer):
        for name in [each.id for each in chosen_workspaces(store, sealer, given.workspace)]:
            found = store.read_now(partial(find_charge, workspace=name, charge=given.charge))
            if found is not None:
                return Outcome(explain(found), shapes.detail(found))
    raise CommandError(
        f"no charge {given.charge!r} in the book: it may not be here yet, unpaid, or in the other mode"
    )
