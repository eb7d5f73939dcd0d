"""`trackrev inspect charge`: what stands of a charge and why, found by its id or by what belongs to it."""

import argparse
from functools import partial
from typing import Any

from trackrev_stream.api import shapes
from trackrev_stream.cli.context import chosen_workspaces, opened
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.explain.charge import explain
from trackrev_stream.explain.wording import waits, why, worth
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import UnknownCharge
from trackrev_stream.store.operations.waiting_money import waiting_for
from trackrev_stream.store.reports.charges import ChargeDetail, find_charge
from trackrev_stream.store.reports.lookup import charges_leading_from, charges_like

KINDS = {
    "pi_": "payment intent",
    "cus_": "customer",
    "in_": "invoice",
    "re_": "refund",
    "pyr_": "refund",
    "du_": "dispute",
    "dp_": "dispute",
    "sub_": "subscription",
    "cs_": "checkout session",
}
NOT_KEPT = ("in_", "re_", "pyr_", "du_", "dp_", "sub_", "cs_")
"""Of these the ledger does not keep every id."""


def inspect_charge(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`inspect charge`: one charge in full, or those that another id of Stripe's leads to."""
    with opened(settings) as (store, sealer):
        names = [each.id for each in chosen_workspaces(store, sealer, args.workspace)]
        if found := _find(store, names, args.charge):
            return CommandResult(explain(found), shapes.detail(found))
        led = store.read_now(partial(charges_leading_from, workspaces=names, name=args.charge))
        details = [detail for each in led if (detail := _find(store, names, each))]
        if len(details) == 1:
            [one] = details
            return CommandResult(
                f"{_led(args.charge)} leads to one charge.\n\n{explain(one)}", shapes.detail(one)
            )
        if details:
            return _several(args.charge, details)
        if waiting := _waiting(store, names, args.charge):
            raise CommandError(waiting)
        _refuse_other_kinds(args.charge)
        like = list(store.read_now(partial(charges_like, workspaces=names, name=args.charge)))
    raise UnknownCharge(args.charge, like, names)


def _waiting(store: Store, workspaces: list[str], charge: str) -> str:
    """What waits for a charge that was not seen, or waits itself, in words; empty where nothing does."""
    found = [
        line.removesuffix(".")
        for name in workspaces
        for one in store.read_now(partial(waiting_for, workspace=name, names=[charge]))
        for line in waits(one)
    ]
    kind = _kind(charge)
    nothing = f"no charge of the ledger belongs to the {kind}" if kind else "the ledger has no charge"
    return ". ".join([f"{nothing} {charge!r} yet", *found]) if found else ""


def _find(store: Store, workspaces: list[str], charge: str) -> ChargeDetail | None:
    for name in workspaces:
        found = store.read_now(partial(find_charge, workspace=name, charge=charge))
        if found is not None:
            return found
    return None


def _several(name: str, details: list[ChargeDetail]) -> CommandResult:
    lines = [f"  {one.summary.charge}: {worth(one.summary)}\n    {why(one.decision)}" for one in details]
    text = "\n".join(
        [
            f"{_led(name)} leads to {len(details)} charges, the newest first:",
            *lines,
            f"All of one: trackrev inspect charge {details[0].summary.charge}",
        ]
    )
    data: dict[str, Any] = {"id": name, "charges": [shapes.summary(one.summary) for one in details]}
    return CommandResult(text, data)


def _led(name: str) -> str:
    kind = _kind(name)
    return f"{kind[:1].upper()}{kind[1:]} {name}" if kind else name


def _kind(name: str) -> str:
    return next((kind for start, kind in KINDS.items() if name.startswith(start)), "")


def _refuse_other_kinds(name: str) -> None:
    """Raises CommandError for an id of another kind than a charge's that leads nowhere."""
    kind = _kind(name)
    if not kind:
        return
    kept = (
        f"the ledger keeps the id of a {kind} only where it moved money last. Stripe's dashboard shows which "
        "charge it belongs to: `trackrev inspect charge ch_...`"
        if name.startswith(NOT_KEPT)
        else "it may be unpaid, in the other mode, or not here yet: `trackrev stripe sync WS` reads it now"
    )
    raise CommandError(f"no charge of the ledger belongs to the {kind} {name!r}: {kept}")
