"""Workspaces, links, connections, and how the directory sees them."""

import asyncio
import dataclasses
import stat
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.store.builders import run
from tests.store.workspaces.builders import Time, make
from trackrev_stream.contracts.choices import KeyScope
from trackrev_stream.contracts.ports import Link, StripeConnection
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import InvalidSetting, SecretKeyError
from trackrev_stream.store.database.schema import api_keys, stripe_connections, workspaces
from trackrev_stream.store.database.sealer import KEY_FILE, Sealer, open_sealer
from trackrev_stream.store.workspaces.api_keys import add_api_key
from trackrev_stream.store.workspaces.directory import StoreDirectory
from trackrev_stream.store.workspaces.links import list_links, put_link
from trackrev_stream.store.workspaces.stripe_connections import (
    find_connections,
    list_connections,
    put_connection,
    shown_livemode,
)
from trackrev_stream.store.workspaces.workspaces import find_workspace, list_workspaces


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    return open_sealer(tmp_path)


def link(store: Store, slug: str = "spring", **more: str) -> Link:
    fields = {"workspace": "ws_a", "url": "https://shop.example/", "channel": "Newsletter"} | more
    return store.write_now(lambda c: put_link(c, slug=slug, now=1, **fields))


def test_a_workspace_has_an_id_secrets_and_a_key_that_is_not_kept(store: Store, sealer: Sealer) -> None:
    made = make(store, sealer, workspace="")
    assert made.workspace.id.startswith("ws_")
    assert len(made.workspace.id) == 15
    assert made.workspace.cookie_domain == ".shop.example"
    assert store.read_now(lambda c: list_workspaces(c, sealer)) == [made.workspace]
    rows = store.read_now(lambda c: [*c.execute(select(workspaces)), *c.execute(select(api_keys))])
    secrets = (made.api_key, made.workspace.identify_secret.decode(), made.workspace.email_secret.hex())
    assert made.api_key.startswith("trk_")
    assert not any(secret in repr(rows) for secret in secrets)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"domain": "https://shop.example/x"}, "host name alone"),
        ({"domain": ""}, "host name alone"),
        ({"workspace": "a|b"}, "workspace id"),
        ({"time_zone": "Mars/Base"}, "time zone"),
        ({"time_zone": "../../etc/passwd"}, "time zone"),
        ({"cookie_domain": ".other.example"}, "cookie domain"),
        ({"cookie_domain": ".shop.example; Path=/"}, "cookie domain"),
    ],
)
def test_what_no_workspace_can_have(
    store: Store, sealer: Sealer, fields: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidSetting, match=message):
        make(store, sealer, **fields)


@pytest.mark.parametrize(
    ("domain", "cookie_domain"),
    [("www.shop.example", ".shop.example"), ("localhost", ""), ("127.0.0.1", "")],
)
def test_the_cookie_domain_follows_the_site(
    store: Store, sealer: Sealer, domain: str, cookie_domain: str
) -> None:
    assert make(store, sealer, domain=domain).workspace.cookie_domain == cookie_domain


def test_a_workspace_is_made_once(store: Store, sealer: Sealer) -> None:
    make(store, sealer)
    with pytest.raises(InvalidSetting, match="already"):
        make(store, sealer)


def test_a_link_grows_its_version_with_its_content(store: Store, sealer: Sealer) -> None:
    make(store, sealer)
    assert link(store, "Spring").version == 1
    assert link(store, "spring").version == 1
    changed = link(store, "SPRING", channel="Partners", partner="ada")
    assert changed == Link("spring", "ws_a", "https://shop.example/", "Partners", "ada", 2)
    assert store.read_now(lambda c: list_links(c, "ws_a")) == [changed]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"slug": "a b"}, "slug"),
        ({"slug": ""}, "slug"),
        ({"slug": "x" * 65}, "slug"),
        ({"url": "javascript:alert(1)"}, "http or https"),
        ({"url": "/relative"}, "http or https"),
        ({"url": "https://"}, "http or https"),
        ({"url": "https://shop.example:port/"}, "http or https"),
        ({"url": "https://shop.example/\r\nSet-Cookie: a=b"}, "http or https"),
        ({"url": "https://[::1/"}, "http or https"),
        ({"channel": " "}, "needs a channel"),
        ({"channel": "unattributed"}, "cannot be a channel"),
        ({"channel": "a\nb"}, "no channel"),
        ({"workspace": "ws_none"}, "no workspace"),
    ],
)
def test_what_no_link_can_have(store: Store, sealer: Sealer, fields: dict[str, str], message: str) -> None:
    make(store, sealer)
    with pytest.raises(InvalidSetting, match=message):
        link(store, **fields)


def test_a_slug_belongs_to_one_workspace(store: Store, sealer: Sealer) -> None:
    make(store, sealer)
    make(store, sealer, workspace="ws_b")
    link(store)
    with pytest.raises(InvalidSetting, match="another workspace"):
        link(store, workspace="ws_b")


def connect(store: Store, sealer: Sealer, account: str = "own", *, livemode: bool = True) -> StripeConnection:
    wanted = StripeConnection("ws_a", account, livemode, ("whsec_1", "whsec_2"), "rk_live_1", "")
    store.write_now(lambda c: put_connection(c, sealer, wanted, 1))
    return wanted


def test_connections_are_sealed_and_the_own_account_comes_first(store: Store, sealer: Sealer) -> None:
    make(store, sealer)
    connected, own = connect(store, sealer, "acct_1"), connect(store, sealer)
    assert store.read_now(lambda c: find_connections(c, sealer, "ws_a")) == (own, connected)
    assert store.read_now(lambda c: list_connections(c, sealer)) == [connected, own]
    rows = repr(store.read_now(lambda c: c.execute(select(stripe_connections)).all()))
    assert "whsec" not in rows
    assert "rk_live" not in rows


def test_reports_show_live_unless_everything_connected_is_test(store: Store, sealer: Sealer) -> None:
    make(store, sealer)
    assert store.read_now(lambda c: shown_livemode(c, "ws_a"))
    connect(store, sealer, livemode=False)
    assert not store.read_now(lambda c: shown_livemode(c, "ws_a"))
    connect(store, sealer, "acct_1")
    assert store.read_now(lambda c: shown_livemode(c, "ws_a"))


@pytest.mark.parametrize(
    "fields",
    [
        {"account": "cus_1"},
        {"webhook_secrets": ("a", "b", "c")},
        {"api_base": "ftp://x"},
        {"workspace": "ws_b"},
    ],
)
def test_what_no_connection_can_have(store: Store, sealer: Sealer, fields: dict[str, str]) -> None:
    make(store, sealer)
    wanted = dataclasses.replace(StripeConnection("ws_a", "own", True, ()), **fields)  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidSetting):
        store.write_now(lambda c: put_connection(c, sealer, wanted, 1))


def test_the_secret_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    sealed = open_sealer(tmp_path).seal(b"secret")
    assert open_sealer(tmp_path).open(sealed) == b"secret"
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]


def test_wrong_secret_keys_are_told_apart(tmp_path: Path) -> None:
    other = open_sealer(tmp_path).seal(b"secret")
    given = "A" * 43 + "="
    with pytest.raises(SecretKeyError, match="does not open"):
        open_sealer(tmp_path, given).open(other)
    with pytest.raises(SecretKeyError, match="32 bytes"):
        open_sealer(tmp_path, "hunter2")
    with pytest.raises(SecretKeyError, match="cannot read or make"):
        open_sealer(tmp_path / "none")


def test_the_directory_sees_what_another_process_changes(store: Store, sealer: Sealer) -> None:
    other, time = Store.open(store.url), Time()
    directory = StoreDirectory(store, sealer, time)

    async def story() -> None:
        assert await directory.workspace("ws_a") is None
        assert await directory.link("spring") is None
        made = make(other, sealer)
        first = link(other)
        assert await directory.workspace("ws_a") == made.workspace  # what was missing is read at once
        assert await directory.link("SPRING") == first
        key = await directory.authenticate(made.api_key)
        assert key is not None
        assert (key.workspace, key.scope) == ("ws_a", KeyScope.READ)
        assert await directory.authenticate(made.api_key + "x") is None
        assert await directory.stripe_connections("ws_a") == ()
        connected = connect(other, sealer)
        assert await directory.stripe_connections("ws_a") == (connected,)

        second = link(other, channel="Partners")
        time.now += 999
        assert await directory.link("spring") == first
        time.now += 1
        assert await directory.link("spring") == second
        new = other.write_now(lambda c: add_api_key(c, "ws_a", 1))
        assert await directory.authenticate(new.text) == new.key

    run(story())
    other.close()


def test_the_directory_answers_many_at_once(store: Store, sealer: Sealer) -> None:
    made = make(store, sealer).workspace
    directory = StoreDirectory(store, sealer, Time())

    async def story() -> None:
        assert set(await asyncio.gather(*(directory.workspace("ws_a") for _ in range(50)))) == {made}

    run(story())


def test_finding_nothing(store: Store, sealer: Sealer) -> None:
    assert store.read_now(lambda c: find_workspace(c, sealer, "ws_none")) is None
