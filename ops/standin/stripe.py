"""Stripe's state: its accounts, their books, and the webhooks that tell of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

from ops.standin import objects
from ops.standin.account import Account, Origin
from ops.standin.agenda import Agenda
from ops.standin.books import Books
from ops.standin.clock import Advanced, Clock, wall_clock_ms
from ops.standin.errors import ApiError, Json
from ops.standin.faults import Fault, Limits, Traffic
from ops.standin.ids import Ids
from ops.standin.keys import Keyring
from ops.standin.merchant import Merchant
from ops.standin.versions import BASIL, checked_version, exists, view, view_part
from ops.standin.webhooks import Endpoint, Sender


class Stripe:
    """Stripe in memory: a platform's account, and the accounts `connected` to it by id.

    `api_version` is the account's own: webhooks have its shape unless their endpoint has its own, and reads
    that send no Stripe-Version. `clock` gives the objects their `created`; `sent_clock` stamps the webhooks'
    signatures and is what limits of rate go by. Both are in milliseconds since the epoch. `settles_in` is the
    currency of balance transactions, "" the charge's own. ValueError for keys and versions that could not be
    Stripe's.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint | None = None,
        endpoints: Sequence[Endpoint] = (),
        secret_key: str = "sk_test_standin",
        restricted_keys: Mapping[str, Collection[str]] | None = None,
        connected: Sequence[str] = (),
        settles_in: str = "usd",
        api_version: str = BASIL,
        seed: int | None = None,
        clock: Clock = wall_clock_ms,
        sent_clock: Clock = wall_clock_ms,
    ) -> None:
        all_endpoints = [*([endpoint] if endpoint else []), *endpoints]
        try:
            for version in (api_version, *(each.api_version or api_version for each in all_endpoints)):
                checked_version(version)
        except ApiError as error:
            raise ValueError(str(error)) from error
        self.api_version = api_version
        self.keyring = Keyring(secret_key, restricted_keys)
        self.books = Books()
        self.faults: list[Fault] = []
        self.limits = Limits(sent_clock)
        self.traffic = Traffic()
        self.search_available = True
        self.listeners: list[Callable[[Json], None]] = []
        """Called with every event in the account's version, also when there is no endpoint for it."""
        self.clock = Advanced(clock)
        self.agenda = Agenda(self.clock)
        self.ids = Ids(seed)
        self._settles_in = settles_in
        own = self._merchant(self.ids.new("account"), connected=False)
        self.merchants = {own.account.id: own}
        for id_ in connected:
            self.merchants[id_] = self._merchant(id_, connected=True)
        self.platform = own
        self._sent_clock = sent_clock
        self._senders = [
            Sender(each, clock=sent_clock, seed=None if seed is None else f"{seed} {number}")
            for number, each in enumerate(all_endpoints)
        ]

    def _merchant(self, id_: str, *, connected: bool) -> Merchant:
        account = Account(
            id=id_,
            livemode=self.keyring.livemode,
            ids=self.ids,
            clock=self.clock,
            agenda=self.agenda,
            books=self.books,
            tell=self._tell,
            api_version=self.api_version,
            settles_in=self._settles_in,
            connected=connected,
        )
        return Merchant.of(account)

    async def open(self) -> None:
        """Begins to deliver webhooks."""
        for sender in self._senders:
            await sender.start()

    async def add_endpoint(self, endpoint: Endpoint) -> None:
        """Delivers to one more endpoint from now on."""
        sender = Sender(endpoint, clock=self._sent_clock)
        await sender.start()
        self._senders.append(sender)

    async def close(self) -> None:
        """Gives up webhooks that are pending."""
        for sender in self._senders:
            await sender.stop()

    def now_s(self) -> int:
        """The time by its clock, in seconds since the epoch."""
        return self.clock() // 1000

    @property
    def pending(self) -> int:
        """How many webhook deliveries are not acknowledged yet."""
        return sum(sender.pending for sender in self._senders)

    async def drained(self) -> None:
        """Returns once every webhook was acknowledged."""
        for sender in self._senders:
            await sender.drained()

    def roll_secret(self, secret: str, endpoint: int = 0) -> None:
        """Begins to sign with a new secret too, at the endpoint with this number."""
        self._senders[endpoint].roll(secret)

    def retire_secrets(self, endpoint: int = 0) -> None:
        """Ends what `roll_secret` began: only the new secret signs."""
        self._senders[endpoint].retire()

    def advance_to(self, at_ms: int) -> None:
        """Puts the clock forward, doing what is due on the way. ValueError for a time that has passed."""
        self.agenda.advance_to(at_ms)

    def advance(self, days: float) -> None:
        """Puts the clock forward by so many days."""
        self.advance_to(self.clock() + int(days * 86_400_000))

    def _tell(
        self,
        account: str,
        type_: str,
        stored: Json,
        *,
        created: int,
        origin: Origin,
        previous: Json | None = None,
    ) -> None:
        connected = self.merchants[account].account.connected
        senders = [sender for sender in self._senders if sender.wants(type_, connected=connected)]
        if not senders and not self.listeners:
            return
        id_ = self.ids.new("event")

        def in_version(version: str) -> Json:
            return objects.event(
                id_=id_,
                type_=type_,
                created=created,
                api_version=version,
                shown=view(stored, version),
                previous=None if previous is None else view_part(previous, stored["object"], version),
                request={"id": origin.request_id, "idempotency_key": origin.idempotency_key},
                livemode=self.keyring.livemode,
                account=account if connected else None,
            )

        def thin() -> Json:
            return objects.thin_event(
                id_=id_,
                type_=type_,
                created=datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                shown=stored,
                livemode=self.keyring.livemode,
                account=account if connected else None,
            )

        for sender in senders:
            version = sender.endpoint.api_version or self.api_version
            if sender.endpoint.thin:
                sender.send(thin())
            elif exists(stored["object"], version):
                sender.send(in_version(version))
        if self.listeners and exists(stored["object"], self.api_version):
            event = in_version(self.api_version)
            for listener in self.listeners:
                listener(event)
