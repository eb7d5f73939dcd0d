"""Checks of a workspace's money: webhook, poller, permissions, and what nobody earned."""

from collections import Counter
from collections.abc import Iterator

from trackrev_stream.contracts.times import utc_minute
from trackrev_stream.doctor.facts import ConnectionFacts, Facts, Outcomes, WorkspaceFacts
from trackrev_stream.doctor.findings import Finding, note, ok, warning
from trackrev_stream.domain.attribution.decision import Reason
from trackrev_stream.domain.values.days import DAY_MS

SILENT_MS = 2 * DAY_MS
FEW_CHARGES = 5
MINUTE_MS = 60_000

UNATTRIBUTED = {
    Reason.NO_EMAIL: "have the checkout ask for an email, or pass the visitor's id on (ops/guide/pixel.md)",
    Reason.NO_VISITOR: "call identify with the address that people pay with (ops/guide/pixel.md)",
    Reason.NO_TOUCH: "a longer lookback may find them: `trackrev workspace settings {ws} --lookback-days N`",
    Reason.ONLY_DIRECT: "use tracked links where you advertise: `trackrev link create {ws} SLUG ...`",
    Reason.TOO_LATE: "they are older than what is known of visitors; newer charges will not have this",
    Reason.RENEWAL_UNATTRIBUTED: "nobody earned the first charge of these subscriptions; new ones may be",
}
_GIVE_IT = "give the endpoint's signing secret: `trackrev stripe connect {ws} --webhook-secret -`"
REFUSED = {
    "bad_signature": _GIVE_IT,
    "stale_signature": "set this machine's clock right by NTP",
    "no_webhook_secret": _GIVE_IT,
    "unavailable": "the log did not take them: see what is said of it above",
}


def check_connected(_facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """Whether Stripe is connected, and both ways are open."""
    if not workspace.connections:
        yield warning(
            "stripe_not_connected",
            f"{workspace.id}: Stripe is not connected, so no charge can come",
            f"`trackrev stripe connect {workspace.id}`",
        )
        return
    for one in workspace.connections:
        if not one.has_key:
            yield note(
                "stripe_without_key",
                f"{_of(workspace, one)}: no key, so what webhooks do not bring is missing",
                f"`trackrev stripe connect {workspace.id}` takes a restricted key",
            )
        elif not one.has_webhook_secret:
            yield note(
                "stripe_without_webhook",
                f"{_of(workspace, one)}: no webhook, so charges come once in a while and not within seconds",
                f"`trackrev stripe webhook-setup {workspace.id}` says how to add one",
            )


def check_webhook(facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """Whether events of Stripe come and are taken."""
    if not any(one.has_webhook_secret for one in workspace.connections):
        return
    events: Outcomes = facts.running.webhooks.get(workspace.id, ()) if facts.running is not None else ()
    if events and events[-1]["outcome"] == "refused":
        reasons = Counter(str(one["reason"]) for one in events if one["outcome"] == "refused")
        [(reason, count)] = reasons.most_common(1)
        yield warning(
            "webhook_refused",
            f"{workspace.id}: {count} of the last {len(events)} events of Stripe were refused ({reason})",
            REFUSED.get(reason, "see ops/runbooks/webhooks-silent.md").format(ws=workspace.id),
        )
        return
    last = max([int(str(one["at"])) for one in events] + [workspace.last_webhook_at or 0])
    if not last:
        yield warning(
            "webhook_never",
            f"{workspace.id}: no event of Stripe ever came by the webhook",
            f"does the endpoint in Stripe's dashboard end in /webhooks/stripe/{workspace.id}, and is it on?",
        )
    elif facts.now - last > SILENT_MS and (workspace.last_charge_at or 0) > last + SILENT_MS:
        yield warning(
            "webhook_silent",
            f"{workspace.id}: the last event of Stripe came on {utc_minute(last)}, and charges since",
            "see ops/runbooks/webhooks-silent.md",
        )
    else:
        yield ok("webhook_ok", f"{workspace.id}: the last event of Stripe came on {utc_minute(last)}")


def check_poller(facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """Whether Stripe is read, and how that went."""
    for one in workspace.connections:
        name = _of(workspace, one)
        if not one.has_key:
            continue
        if one.started_at is None:
            yield note("poller_not_yet", f"{name}: Stripe was not read yet", "the running program reads it")
        elif one.result not in ("", "ok", "cut off"):
            do = f"mend that, then `trackrev stripe sync {workspace.id}`"
            yield warning("poller_failed", f"{name}: reading Stripe failed: {one.result}", do)
        elif facts.now - max(one.due_at, one.started_at) > 3 * facts.poll_minutes * MINUTE_MS:
            yield warning(
                "poller_late",
                f"{name}: Stripe was last read on {utc_minute(one.started_at)}",
                "see ops/runbooks/stripe-not-read.md: does `trackrev up` (or `trackrev poll`) run?",
            )
        else:
            yield ok("poller_ok", f"{name}: Stripe was last read on {utc_minute(one.started_at)}")


def check_permissions(_facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """What the keys may read."""
    for one in workspace.connections:
        name = _of(workspace, one)
        missing = [kind for kind, state in one.permissions.items() if state == "missing"]
        unknown = [kind for kind, state in one.permissions.items() if state == "unknown"]
        if missing:
            told = "; ".join(one.warnings) or f"the key may not read {', '.join(missing)}"
            do = "give the restricted key these permissions in Stripe's dashboard (Read)"
            yield warning("permission_missing", f"{name}: {told}", do)
        elif unknown:
            told = "; ".join(one.warnings) or "Stripe did not answer"
            do = f"`trackrev stripe status {workspace.id}` says how reading goes"
            yield warning("permissions_unknown", f"{name}: {told}", do)
        elif one.permissions:
            yield ok("permissions_ok", f"{name}: the key may read all that is needed")


def check_waiting(facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """Whether money waits for a charge that was never seen."""
    if not workspace.waiting:
        return
    message = (
        f"{workspace.id}: {workspace.waiting:,} refunds or disputes count nowhere yet, for their charge was "
        f"never seen; the first waits since {utc_minute(workspace.waits_since)}"
    )
    do = f"`trackrev stripe sync {workspace.id}` reads what is missing, see ops/runbooks/money-waits.md"
    late = facts.now - workspace.waits_since > DAY_MS
    yield warning("money_waits", message, do) if late else note("money_waits_lately", message, do)


def check_unattributed(_facts: Facts, workspace: WorkspaceFacts) -> Iterator[Finding]:
    """How many charges nobody earned, and why."""
    nobody = sum(workspace.reasons.values())
    if not workspace.charges:
        yield note("no_charges", f"{workspace.id}: no charge in the last 30 days")
        return
    share = f"{100 * nobody // workspace.charges} % of {workspace.charges:,} charges in 30 days"
    why = Counter(workspace.reasons).most_common()
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in why)
    message = f"{workspace.id}: nobody earned {share}{f' ({reasons})' if reasons else ''}"
    if 2 * nobody > workspace.charges and workspace.charges >= FEW_CHARGES:
        known = [UNATTRIBUTED[Reason(each)] for each, _ in why if each in set(UNATTRIBUTED)]
        do = known[0] if known else "see ops/guide/unattributed.md"
        yield warning("unattributed_high", message, do.format(ws=workspace.id))
    else:
        yield ok("unattributed_ok", message)


def _of(workspace: WorkspaceFacts, one: ConnectionFacts) -> str:
    return workspace.id if one.account == "own" else f"{workspace.id}, account {one.account}"
