"""What a transport promises about commits, over whichever log: nothing is committed over what was lost."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from trackrev_stream.eventlog.faust_patches.protocols import AgentApp


class CommitBarriers:
    """Mixed into a Faust transport, before it; ``app`` is the transport's.

    Mends transport/consumer.py:1075, where a commit waits for the length of a queue to become nought.
    """

    app: AgentApp

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Awaited before each commit, after the producer's deliveries: what must be done before an input
        #: counts as done. One that raises ends the app without a commit, so it retries what can be retried.
        self.commit_barriers: list[Callable[[], Awaitable[None]]] = []
        #: Told once, when something was lost that a commit would hide.
        self.on_fatal: list[Callable[[BaseException], None]] = []
        #: What was lost; from then on nothing is committed.
        self.failure: BaseException | None = None

    def fail(self, reason: BaseException) -> None:
        """Nothing is committed from now on, the app stops, and the owner is told."""
        if self.failure is None:
            self.failure = reason
            for tell in self.on_fatal:
                tell(reason)
            self._crashing = asyncio.ensure_future(self.app.crash(reason))

    async def behind_barriers(self, commit: Callable[[], Awaitable[object]]) -> bool:
        """Commit once all that was sent so far is durable and every barrier is passed.

        False if something was lost: then nothing may be committed over it.
        """
        if self.failure is not None:
            return False
        try:
            await self.app.producer.flush()
            for barrier in self.commit_barriers:
                await barrier()
            if self.failure is None:
                await commit()
        except Exception as error:  # noqa: BLE001  # whatever it is, the acknowledged offsets are gone
            self.fail(error)
        return self.failure is None
