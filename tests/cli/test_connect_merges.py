"""`stripe connect` over every prior state, with every choice of options: nothing goes in silence."""

import io
import json
from collections.abc import Iterator
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest

from collectors.stripe.permissions import Probe
from tests.cli.shell import Shell
from trackrev_stream.cli import consent, stripe_connection
from trackrev_stream.cli.main import main
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT
from trackrev_stream.store.database.schema import stripe_connections

LIVE, LIVE_2, TEST, TEST_2 = "rk_live_one", "rk_live_two", "rk_test_one", "rk_test_two"
OTHERS = f"rk_live_5{'B' * 40}"  # of another account than OURS, as keys of Stripe tell
OURS, OURS_2 = f"rk_live_5{'A' * 40}", f"rk_live_5{'A' * 16}{'C' * 24}"
OLD, NEW, THIRD = "whsec_old", "whsec_new", "whsec_third"
BASE = "https://stripe.example"

Kept = tuple[str, tuple[str, ...], bool, str] | None

# What is kept before: key, secrets, whether in live mode, address. What is given. What is kept then, or LOST
# where that would change or take away what is kept: refused without a terminal, done with --replace.
TABLE = """
before               given                        then                    with --replace
-                    key=live                     live - live             same
-                    key=test                     test - test             same
-                    secret=new                   - new live              same
-                    secret=new test-mode         - new test              same
-                    key=live secret=new          live new live           same
-                    secret=new secret=third      - new,third live        same
-                    key=live test-mode           REFUSED                 REFUSED
-                    nothing                      REFUSED                 REFUSED
live - live          secret=new                   live new live           same
live - live          key=live2                    live2 - live            same
live - live          key=test                     LOST                    test - test
live - live          test-mode                    REFUSED                 REFUSED
live - live          live-mode                    live - live             same
live - live          secret=new test-mode         REFUSED                 REFUSED
live - live          base                         LOST                    live - live @base
live - live          key=live2 base               LOST                    live2 - live @base
live - live          nothing                      live - live             same
live old live        key=live2                    live2 old live          same
live old live        key=test                     LOST                    test old test
live old live        secret=new                   live old,new live       live new live
live old live        secret=old                   live old live           same
live old live        secret=new secret=third      LOST                    live new,third live
live old live        key=test secret=new          LOST                    test new test
live old live        key=                         REFUSED                 REFUSED
live old live        key= secret=new              live old,new live       live new live
live old,new live    secret=third                 LOST                    live third live
live old,new live    secret=new                   live old,new live       live new live
test - test          key=live                     LOST                    live - live
test - test          secret=new                   test new test           same
test - test          key=test2                    test2 - test            same
test - test          live-mode                    REFUSED                 REFUSED
test old test        secret=new                   test old,new test       test new test
test old test        key=live secret=new          LOST                    live new live
- old live           key=live                     live old live           same
- old live           key=test                     LOST                    test old test
- old live           test-mode                    LOST                    - old test
- old live           secret=new test-mode         LOST                    - new test
- old test           secret=new                   - old,new test          - new test
- old test           key=test                     test old test           same
- old test           live-mode                    LOST                    - old live
- old live           key=live base                live old live @base     same
ours - live          key=ours2                    ours2 - live            same
ours - live          key=others                   LOST                    others - live
ours old live        key=others secret=new        LOST                    others new live
live old live @base  key=live2                    live2 old live @base    same
live old live @base  secret=new                   live old,new live @base live new live @base
"""
KEYS = {"live": LIVE, "live2": LIVE_2, "test": TEST, "test2": TEST_2, "ours": OURS, "ours2": OURS_2}
KEYS |= {"others": OTHERS, "-": "", "": ""}
SECRETS = {"old": OLD, "new": NEW, "third": THIRD}


def rows() -> Iterator[tuple[str, str, str, str]]:
    head, *lines = TABLE.strip("\n").splitlines()
    starts = [head.index(name) for name in ("before", "given", "then", "with")] + [200]
    for line in lines:
        before, given, then, replaced = (line[a:b].strip() for a, b in pairwise(starts))
        yield before, given, then, then if replaced == "same" else replaced


def kept(text: str) -> Kept:
    """A state as the table writes it."""
    if text == "-":
        return None
    key, secrets, mode, *base = text.split()
    named = () if secrets == "-" else tuple(SECRETS[each] for each in secrets.split(","))
    return KEYS[key], named, mode == "live", BASE if base else ""


def options(given: str) -> list[tuple[str, ...]]:
    """The options that the table names, each with its value."""
    found: list[tuple[str, ...]] = []
    for each in given.split():
        name, _, value = each.partition("=")
        if name == "key":
            found.append(("--key", KEYS[value]))
        elif name == "secret":
            found.append(("--webhook-secret", SECRETS[value]))
        elif name == "base":
            found.append(("--api-base", BASE))
        elif name != "nothing":
            found.append((f"--{name}",))
    return found


def state(one: StripeConnection | None) -> Kept:
    return None if one is None else (one.api_key, one.webhook_secrets, one.livemode, one.api_base)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("merges") / "data"
    assert main(["workspace", "create", "ws_1", "--domain", "shop.example", "--data", str(found)]) == 0
    return found


@pytest.fixture
def shell(data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    async def granted(_connection: StripeConnection, _charge: str = "") -> Probe:
        return Probe({"charges": "granted"})

    monkeypatch.setattr(stripe_connection, "probe", granted)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    found = Shell(data, capsys)
    found.write(lambda sql: sql.execute(stripe_connections.delete()))
    yield found
    found.store.close()


@pytest.mark.parametrize("account", ["own", "acct_1"])
@pytest.mark.parametrize("row", list(rows()), ids=" | ".join)
def test_what_comes_of_it(shell: Shell, account: str, row: tuple[str, str, str, str]) -> None:
    before, given, then, replaced = row
    was = kept(before)
    which = [] if account == "own" else [("--account", account)]
    for order in permutations([*options(given), *which]):
        for consents, outcome in (([], then), (["--replace"], replaced)):
            put(shell, account, was)
            words = [*(word for option in order for word in option), *consents]
            status, out, err = shell.run("stripe", "connect", "ws_1", *words)
            now = state(shell.connected().get(("ws_1", account)))
            if outcome in ("LOST", "REFUSED"):
                assert (status, now) == (1, was), (words, out, err)
                assert (outcome == "LOST") == ("add --replace" in err), err
                continue
            assert status == 0, err
            assert as_sets(now) == as_sets(kept(outcome)), (words, err)
            assert not any(secret and secret in out + err for secret in (*KEYS.values(), *SECRETS.values()))


def as_sets(found: Kept) -> Kept:
    """The order in which secrets were given says nothing."""
    return found and (found[0], tuple(sorted(found[1])), *found[2:])


def put(shell: Shell, account: str, was: Kept) -> None:
    """Let this be kept, and nothing else."""
    shell.write(lambda sql: sql.execute(stripe_connections.delete()))
    if was is not None:
        key, secrets, livemode, base = was
        shell.connect(StripeConnection("ws_1", account, livemode, secrets, key, base))


@pytest.mark.parametrize(
    ("before", "words", "secrets", "livemode"),
    [
        (None, ("--webhook-secret", NEW), (NEW,), True),
        (None, ("--webhook-secret", NEW, "--test-mode"), (NEW,), False),
        ((OLD,), ("--webhook-secret", NEW), (OLD, NEW), True),
        ((OLD,), ("--webhook-secret", NEW, "--replace"), (NEW,), True),
        ((OLD, NEW), ("--webhook-secret", THIRD), None, True),
        ((OLD,), ("--test-mode",), None, True),
        ((OLD,), ("--key", LIVE, "--webhook-secret", NEW), None, True),
    ],
)
def test_a_platform_s_endpoint_loses_nothing_either(
    shell: Shell,
    before: tuple[str, ...] | None,
    words: tuple[str, ...],
    secrets: tuple[str, ...] | None,
    livemode: bool,
) -> None:
    if before:
        shell.connect(StripeConnection("ws_1", EVERY_ACCOUNT, True, before))
    status, _, err = shell.run("stripe", "connect", "ws_1", "--platform", *words)
    found = shell.connected()["ws_1", EVERY_ACCOUNT]
    assert (status == 0) == (secrets is not None), err
    assert (found.webhook_secrets, found.livemode) == (secrets if secrets is not None else before, livemode)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("foo", "no key of Stripe"),
        ("pk_live_abc", "publishable key"),
        ("pk_test_abc", "publishable key"),
        ("whsec_abc", "give it with --webhook-secret"),
        ("rk_abc", "no key of Stripe"),
        ("rk_live_", "no key of Stripe"),
        ("rk_live_a b", "no key of Stripe"),
        ("", "--key is empty"),
        ("sk_live_abc", "--allow-secret-key"),
    ],
)
@pytest.mark.parametrize("before", ["-", "live old live", "- old live"])
def test_what_is_no_key_is_refused_and_not_repeated(shell: Shell, key: str, said: str, before: str) -> None:
    put(shell, "own", kept(before))
    status, out, err = shell.run("stripe", "connect", "ws_1", "--key", key)
    assert status == 1
    assert said in err
    assert "abc" not in out + err
    assert state(shell.connected().get(("ws_1", "own"))) == kept(before)


@pytest.mark.parametrize("secret", ["rk_live_abc", "sk_test_abc", "pk_live_abc", "we_abc", "acct_abc"])
def test_what_is_no_webhook_secret_is_refused(shell: Shell, secret: str) -> None:
    status, out, err = shell.run("stripe", "connect", "ws_1", "--webhook-secret", secret)
    assert (status, "begins with whsec_" in err, "abc" in out + err) == (1, True, False)
    assert shell.connected() == {}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "goes"), [("yes", True), ("YES", True), ("y", False), ("", False)])
def test_a_person_at_the_terminal_is_asked(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, goes: bool
) -> None:
    put(shell, "own", kept("live old live"))
    monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
    monkeypatch.setattr(consent, "is_a_person_there", lambda: True)
    status, _, err = shell.run("stripe", "connect", "ws_1", "--key", TEST)
    assert "connected in live mode and would be in test mode" in err
    assert status == (0 if goes else 1)
    assert state(shell.connected()["ws_1", "own"]) == kept("test old test" if goes else "live old live")


def test_a_file_of_many_loses_nothing_either(shell: Shell, tmp_path: Path) -> None:
    put(shell, "own", kept("live old live"))
    file = tmp_path / "shops.csv"
    file.write_text(f"workspace,account,key,webhook_secret\nws_1,,,{NEW}\nws_1,acct_1,{TEST},\n")
    status, _, err = shell.run("stripe", "connect", "--csv", str(file))
    assert status == 0, err
    assert state(shell.connected()["ws_1", "own"]) == kept("live old,new live")
    file.write_text(f"workspace,account,key\nws_1,,{TEST}\n")
    status, _, err = shell.run("stripe", "connect", "--csv", str(file))
    assert (status, "line 2" in err, "--replace" in err) == (1, True, True)
    assert state(shell.connected()["ws_1", "own"]) == kept("live old,new live")


def test_disconnecting_says_what_goes_and_asks(shell: Shell) -> None:
    put(shell, "own", kept("live old live"))
    status, _, err = shell.run("stripe", "disconnect", "ws_1")
    assert status == 1
    assert "own account: live, a key and 1 webhook secret" in err
    assert "add --yes" in err
    status, _, err = shell.run("stripe", "disconnect", "ws_1", "--account", "acct_1", "--yes")
    assert (status, "There is: (no option)" in err) == (1, True)
    status, out, _ = shell.run("stripe", "disconnect", "ws_1", "--yes", "--json")
    assert json.loads(out) == {"workspace": "ws_1", "account": "own", "disconnected": True}
    assert shell.connected() == {}
    assert shell.run("stripe", "disconnect", "ws_1", "--yes")[0] == 1
    nobody: Any = shell.run("stripe", "disconnect", "ws_none", "--yes")
    assert "There is no workspace 'ws_none'" in nobody[2]
