"""Refusals in Stripe's error shape."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """A request that is refused, with what Stripe's API would answer."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        more: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.kind = kind
        self.more = more or {}
        self.headers = dict(headers or {})

    def body(self) -> Json:
        error = {"message": str(self), "type": self.kind, **self.more}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        return {"error": error}


class Declined(ApiError):
    """A card was declined, of the payment intent with this id."""

    def __init__(self, message: str, *, intent: str, charge: str) -> None:
        more = {"charge": charge, "decline_code": "generic_decline"}
        super().__init__(402, message, code="card_declined", kind="card_error", more=more)
        self.intent = intent


def missing_object(noun: str, wanted: str, *, status: int, param: str) -> ApiError:
    """Stripe answers 404 when the object is in the path, and 400 when a parameter names it."""
    return ApiError(status, f"No such {noun}: '{wanted}'", code="resource_missing", param=param)
