"""All checks, in the order in which things depend on each other."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from trackrev_stream.doctor import machine, money, site
from trackrev_stream.doctor.facts import Facts, WorkspaceFacts
from trackrev_stream.doctor.findings import Finding, Severity

OF_MACHINE: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    machine.check_program,
    machine.check_log,
    machine.check_spool,
    machine.check_store,
    machine.check_disk,
    machine.check_clock,
    machine.check_rates,
    machine.check_secret_key,
    machine.check_public_url,
    machine.check_proxy,
    site.check_strangers,
    site.check_no_workspace,
)
OF_WORKSPACE: tuple[Callable[[Facts, WorkspaceFacts], Iterator[Finding]], ...] = (
    site.check_tag,
    site.check_hits,
    money.check_connected,
    money.check_webhook,
    money.check_poller,
    money.check_permissions,
    money.check_waiting,
    money.check_unattributed,
)


def _softened(finding: Finding) -> Finding:
    """Of a workspace for trying things out nothing has to be done."""
    return replace(finding, severity=Severity.NOTE) if finding.severity.needs_doing else finding


def examine(facts: Facts) -> list[Finding]:
    """What there is to say about these facts."""
    found = [finding for check in OF_MACHINE for finding in check(facts)]
    for workspace in facts.workspaces:
        told = [finding for check in OF_WORKSPACE for finding in check(facts, workspace)]
        found += [_softened(each) for each in told] if workspace.is_trial else told
    return found
