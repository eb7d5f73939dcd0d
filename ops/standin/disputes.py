"""Disputes: inquiries and chargebacks, their money, and how they end."""

from typing import Final

from ops.standin import balance
from ops.standin.account import BY_ITSELF, Account, Origin
from ops.standin.dispute_object import dispute as new_dispute
from ops.standin.errors import ApiError, Json
from ops.standin.params import Params

_ANSWER_WITHIN_S: Final = 9 * 86_400
_INQUIRIES = ("warning_needs_response", "warning_under_review", "warning_closed")
_OPEN = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")
_BY_EVIDENCE = {"winning_evidence": "won", "losing_evidence": "lost"}
"""Test evidence of https://docs.stripe.com/testing#evidence -> how the dispute ends."""
_NETWORK_CODES = {"fraudulent": "10.4", "product_not_received": "13.1"}


class Disputes:
    """Lets buyers dispute an account's charges. Methods raise ApiError."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._disputes = account.tables["disputes"]

    def open(
        self,
        charge: Json,
        amount_minor: int | None = None,
        *,
        status: str = "needs_response",
        reason: str = "fraudulent",
    ) -> Json:
        """A dispute of a charge, or of a part. An inquiry (`warning_needs_response`) takes no money yet."""
        if status not in _OPEN:
            raise ApiError(400, f"Invalid status: must be one of {', '.join(_OPEN)}", param="status")
        now = self._account.now_s()
        dispute = new_dispute(
            id_=self._account.ids.new("dispute"),
            created=now,
            charge=charge,
            amount_minor=amount_minor or charge["amount_captured"],
            status=status,
            reason=reason,
            network_code=_NETWORK_CODES.get(reason, "13.7"),
            due_by=now + _ANSWER_WITHIN_S,
        )
        self._disputes.add(dispute)
        charge["disputed"] = True
        self._account.emit("charge.dispute.created", dispute)
        if status not in _INQUIRIES:
            self._withdraw(dispute)
        return dispute

    def escalate(self, dispute: Json) -> None:
        """An inquiry becomes a chargeback: its money is withdrawn."""
        self._must_be_open(dispute)
        if dispute["status"] in _INQUIRIES:
            self._account.change("charge.dispute.updated", dispute, {"status": "needs_response"})
            self._withdraw(dispute)

    def end(self, dispute: Json, outcome: str, origin: Origin = BY_ITSELF) -> None:
        """Ends a dispute as `won` (its money comes home) or `lost`, and an inquiry as `warning_closed`."""
        self._must_be_open(dispute)
        if (outcome == "warning_closed") != (dispute["status"] in _INQUIRIES):
            raise ApiError(400, f"A dispute in {dispute['status']} cannot end as {outcome}.", param="status")
        if outcome == "won":
            self._reinstate(dispute)
        elif outcome not in {"lost", "warning_closed"}:
            raise ApiError(400, f"Invalid status: a dispute cannot end as {outcome}", param="status")
        self._account.change("charge.dispute.closed", dispute, {"status": outcome}, origin)

    def update(self, id_: str, params: Params, origin: Origin) -> Json:
        """Hands in evidence; `winning_evidence` and `losing_evidence` as its text decide at once."""
        params.only({"evidence", "submit", "metadata"})
        dispute = self._account.find("disputes", "dispute", id_)
        self._must_be_open(dispute)
        evidence = params.table("evidence")
        text = Params(evidence).text("uncategorized_text")
        status = "warning_under_review" if dispute["status"] in _INQUIRIES else "under_review"
        handed_in = {"has_evidence": True, "submission_count": 1}
        changes = {
            "evidence": {**dispute["evidence"], "uncategorized_text": text},
            "evidence_details": {**dispute["evidence_details"], **handed_in},
            "status": status,
        }
        self._account.change("charge.dispute.updated", dispute, changes, origin)
        outcome = _BY_EVIDENCE.get(text or "")
        if outcome is not None:
            self.end(dispute, "warning_closed" if status in _INQUIRIES else outcome)
        return dispute

    def close(self, id_: str, params: Params, origin: Origin) -> Json:
        """Gives in: the dispute is lost."""
        params.only(())
        dispute = self._account.find("disputes", "dispute", id_)
        self.end(dispute, "warning_closed" if dispute["status"] in _INQUIRIES else "lost", origin)
        return dispute

    def arrange(self, params: Params) -> Json:
        """What a test asks for: opens a dispute of `charge`, or moves `dispute` on to `status`."""
        params.only({"amount", "charge", "dispute", "reason", "status"})
        status, known = params.text("status") or "needs_response", params.text("dispute")
        if known is None:
            charge = self._account.find("charges", "charge", params.required("charge"), param="charge")
            amount = params.whole("amount", at_least=1, at_most=charge["amount_captured"])
            reason = params.text("reason") or "fraudulent"
            return self.open(charge, amount, status=status, reason=reason)
        dispute = self._account.find("disputes", "dispute", known, param="dispute")
        if status == "needs_response":
            self.escalate(dispute)
        else:
            self.end(dispute, status)
        return dispute

    def _withdraw(self, dispute: Json) -> None:
        id_ = balance.withdrawn(self._account, dispute["id"], dispute["amount"], dispute["currency"])
        self._enter(dispute, id_)
        dispute["is_charge_refundable"] = False
        self._account.charged_back.add(dispute["charge"])
        self._account.books.withdrawn(dispute, self._account.now_s())
        self._account.emit("charge.dispute.funds_withdrawn", dispute)

    def _reinstate(self, dispute: Json) -> None:
        id_ = balance.reinstated(self._account, dispute["id"], dispute["amount"], dispute["currency"])
        self._enter(dispute, id_)
        self._account.charged_back.discard(dispute["charge"])
        self._account.books.reinstated(dispute, self._account.now_s())
        self._account.emit("charge.dispute.funds_reinstated", dispute)

    def _enter(self, dispute: Json, balance_transaction: str) -> None:
        entry = self._account.tables["balance_transactions"][balance_transaction]
        dispute["balance_transactions"] = [*dispute["balance_transactions"], dict(entry)]

    def _must_be_open(self, dispute: Json) -> None:
        if dispute["status"] not in _OPEN:
            raise ApiError(400, f"This dispute is already closed: its status is {dispute['status']}.")
