"""The daily reconciliation: the poller holds the last whole days of the ledger against Stripe's by itself."""

import logging

from collectors.stripe.client import CannotRead, StripeReader
from collectors.stripe.lists import CHARGES
from collectors.stripe.reconcile import reconcile
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import Checked, LedgerReader, PollState, StripeConnection, Workspace
from trackrev_stream.domain.reconciliation.movements import Period
from trackrev_stream.domain.values.days import DAY_MS, day_of
from trackrev_stream.metrics import RECONCILE_DIFFERENCES, RECONCILE_RESIDUAL_MINOR

DAYS = 8

log = logging.getLogger(__name__)


class Audit:
    """Reconciles connections, and exports what that came to."""

    def __init__(self, book: LedgerReader, state: PollState, clock: Clock) -> None:
        self._book = book
        self._state = state
        self._clock = clock
        self._exported: dict[tuple[str, str], set[str]] = {}

    async def audit(self, reader: StripeReader, workspace: Workspace, connection: StripeConnection) -> None:
        """Reconcile once a day, or again where the last time something differed.

        A day is looked at once a round has read past its end. What cannot be read is said in the log: the
        round itself comes to the same.
        """
        last = await self._book.last(connection, DAYS)
        if last is not None:
            self._export(connection, last)
        today = day_of(self._clock())
        period = Period(today - DAYS, today - 1)
        done = last is not None and last.period.last >= period.last and not last.differences
        read_until = await self._state.cursor(connection, CHARGES.name)
        if done or read_until is None or read_until < today * DAY_MS:
            return
        try:
            found = await reconcile(
                reader, self._book, workspace, connection, period=period, clock=self._clock
            )
        except CannotRead as error:
            log.warning("reconciling %s: %s", connection.workspace, error)
            return
        self._export(connection, found.checked)
        if found.differences:
            log.warning(
                "the ledger of %s differs from Stripe in %d places: `trackrev reconcile %s` names them",
                *(connection.workspace, len(found.differences), connection.workspace),
            )

    def _export(self, connection: StripeConnection, checked: Checked) -> None:
        key = connection.workspace, connection.account
        known = self._exported.setdefault(key, set())
        known.update(checked.residual_minor)
        for currency in known:
            residual = checked.residual_minor.get(currency, 0)
            RECONCILE_RESIDUAL_MINOR.labels(*key, currency).set(residual)
        RECONCILE_DIFFERENCES.labels(*key).set(checked.differences)
