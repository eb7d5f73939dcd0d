"""API keys: what is kept of them, what they open, and when they were used last."""

from pathlib import Path

import pytest
from sqlalchemy import select, text

from tests.store.builders import run
from tests.store.workspaces.builders import Time, make
from trackrev_stream.contracts.choices import Arrival, KeyScope
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import api_keys
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.workspaces.api_keys import add_api_key, list_keys, note_key_uses, revoke_key
from trackrev_stream.store.workspaces.directory import StoreDirectory
from trackrev_stream.store.workspaces.last_seen import find_seen, keep_seen
from trackrev_stream.store.workspaces.noticing import EVERY_MS, Noticing


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return open_sealer(tmp_path)


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        (KeyScope.READ, {KeyScope.READ}),
        (KeyScope.MANAGE, {KeyScope.READ, KeyScope.MANAGE}),
        (KeyScope.PAYOUTS, {KeyScope.READ, KeyScope.PAYOUTS}),
    ],
)
def test_what_a_scope_includes(scope: KeyScope, may: set[KeyScope]) -> None:
    assert {wanted for wanted in KeyScope if scope.includes(wanted)} == may


def test_a_key_that_was_revoked_opens_nothing_within_a_second(store: Store, sealer: Sealer) -> None:
    make(store, sealer)
    time = Time()
    directory = StoreDirectory(store, sealer, time)

    async def story() -> None:
        new = store.write_now(lambda c: add_api_key(c, "ws_a", 1, name="a", scope=KeyScope.MANAGE))
        found = await directory.authenticate(new.text)
        assert found is not None
        assert (found.name, found.scope) == ("a", KeyScope.MANAGE)
        store.write_now(lambda c: revoke_key(c, "ws_a", "a", 2))
        time.now += 1_000
        assert await directory.authenticate(new.text) is None

    run(story())


def test_its_use_is_noted_once_a_minute_and_nobody_waits(store: Store, sealer: Sealer) -> None:
    made = make(store, sealer)
    time = Time()
    time.now = 10 * EVERY_MS
    directory = StoreDirectory(store, sealer, time)

    def used() -> int | None:
        return store.read_now(lambda c: list_keys(c, "ws_a"))[0].last_used_at

    async def story() -> None:
        assert used() is None
        for later, expected in ((0, 0), (EVERY_MS - 1, 0), (EVERY_MS, EVERY_MS), (EVERY_MS + 1, EVERY_MS)):
            time.now = 10 * EVERY_MS + later
            await directory.authenticate(made.api_key)
            await directory.key_uses.written()
            assert used() == 10 * EVERY_MS + expected
        store.write_now(lambda c: note_key_uses(c, [(list_keys(c, "ws_a")[0].id, 5)]))
        assert used() == 11 * EVERY_MS, "never an earlier time than is known"

    run(story())


def test_what_cannot_be_noted_is_noted_later_and_disturbs_nobody(store: Store) -> None:
    time, failing = Time(), True

    def keep(connection: object, seen: object) -> None:
        if failing:
            raise RuntimeError("no database")
        keep_seen(connection, seen)  # type: ignore[arg-type]  # what Noticing gives

    noticing: Noticing[tuple[str, Arrival]] = Noticing(store, time, keep)

    async def story() -> None:
        nonlocal failing
        noticing.note(("ws_a", Arrival.HIT))
        await noticing.written()
        assert store.read_now(lambda c: find_seen(c, "ws_a")) == {}
        failing, time.now = False, 5
        noticing.note(("ws_a", Arrival.HIT))
        await noticing.written()
        assert store.read_now(lambda c: find_seen(c, "ws_a")) == {Arrival.HIT: 5}

    run(story())


def test_a_key_from_before_goes_on_reading(store: Store, sealer: Sealer) -> None:
    """As the migration finds it: a hash and a workspace."""
    made = make(store, sealer)
    hashes = store.read_now(lambda c: c.execute(select(api_keys.c.key_hash)).scalars().all())
    store.write_now(lambda c: c.execute(text("DELETE FROM api_keys")))
    old = "INSERT INTO api_keys (key_hash, workspace, created_at) VALUES (:hash, 'ws_a', 1)"
    store.write_now(lambda c: c.execute(text(old), {"hash": hashes[0]}))
    found = run(StoreDirectory(store, sealer, Time()).authenticate(made.api_key))
    assert found is not None
    assert (found.workspace, found.scope) == ("ws_a", KeyScope.READ)


@pytest.mark.parametrize("name", ["a\nb", "x" * 65])
def test_what_no_key_can_be_called(store: Store, sealer: Sealer, name: str) -> None:
    make(store, sealer)
    with pytest.raises(InvalidSetting, match="no name for a key"):
        store.write_now(lambda c: add_api_key(c, "ws_a", 1, name=name))
