"""Each check of the doctor over facts that stand for one thing that is well, or is not."""

from dataclasses import replace
from typing import Any

import pytest

from trackrev_stream.doctor.checks import examine
from trackrev_stream.doctor.facts import (
    ConnectionFacts,
    Facts,
    LogFacts,
    PlaceFacts,
    RunningFacts,
    SecretFacts,
    WorkspaceFacts,
)
from trackrev_stream.doctor.findings import Severity
from trackrev_stream.domain.values.days import DAY_MS, day_of
from trackrev_stream.eventlog.kafka.partitions import Partitions

NOW = 1_770_000_000_000
TODAY = day_of(NOW)
HOUR = 3_600_000
GB = 1 << 30


def outcome(
    what: str = "taken", reason: str = "", at: int = NOW, kind: str = "pageview"
) -> dict[str, object]:
    return {"at": at, "kind": kind, "host": "shop.example", "outcome": what, "reason": reason}


PROGRAM = RunningFacts(
    roles=("api", "collect", "poll", "worker"),
    url="http://127.0.0.1:8765",
    lag={"pixel-hits": 3},
    hits={"ws_shop": (outcome(),)},
    webhooks={"ws_shop": (outcome(kind="charge.succeeded"),)},
    forwarded=9,
)
ACCOUNT = ConnectionFacts(
    "own", started_at=NOW - HOUR, due_at=NOW, result="ok", permissions={"charges": "granted"}
)
SHOP = WorkspaceFacts(
    "ws_shop", last_visit_day=TODAY, last_webhook_at=NOW - HOUR, last_charge_at=NOW - HOUR, charges=10
)
SHOP = replace(SHOP, reasons={"no_visitor": 2}, connections=(ACCOUNT,))
WELL = Facts(
    now=NOW,
    running=PROGRAM,
    newest_at=NOW,
    free_bytes=50 * GB,
    total_bytes=100 * GB,
    clocks={"Stripe": 800},
    places=PlaceFacts("https://track.shop.example", "127.0.0.1", behind_proxy=True),
    secret=SecretFacts(0o600),
    rates_known_through=TODAY,
    rates_due=TODAY - 1,
    workspaces=(SHOP,),
)


def running(**changes: Any) -> Facts:
    return replace(WELL, running=replace(PROGRAM, **changes))


def log(**changes: Any) -> Facts:
    return replace(WELL, log=replace(LogFacts(), **changes))


def kafka(**changes: Any) -> Facts:
    return log(**({"kafka": True, "workers": 1, "partitions": Partitions({"visits": 12}, 12)} | changes))


def shop(**changes: Any) -> Facts:
    return replace(WELL, workspaces=(replace(SHOP, **changes),))


def account(**changes: Any) -> Facts:
    return shop(connections=(replace(ACCOUNT, **changes),))


def places(**changes: Any) -> Facts:
    return replace(WELL, places=replace(WELL.places, **changes))


def hits(*outcomes: dict[str, object], workspace: str = "ws_shop") -> Facts:
    return running(hits={workspace: outcomes})


def events(*outcomes: dict[str, object]) -> Facts:
    return running(webhooks={"ws_shop": outcomes})


OK, NOTE, WARNING, ERROR = Severity.OK, Severity.NOTE, Severity.WARNING, Severity.ERROR
STOPPED = replace(WELL, running=None)
NO_CLOCK = replace(WELL, clocks={})

CLICKED_ALONE = replace(shop(last_visit_day=None), running=hits(outcome(kind="click")).running)
GROWN = kafka(partitions=Partitions({"binds": 12, "visits": 13, "payments": 12}, 12))

CASES = [
    (WELL, "program_running", OK, "the program runs over /data"),
    (STOPPED, "program_stopped", ERROR, "hits and events of Stripe are turned away"),
    (replace(kafka(), running=None), "collector_elsewhere", NOTE, "no collector runs over /data"),
    (WELL, "log_ok", OK, "3 records wait"),
    (log(wrong="it is in use"), "log_unreachable", ERROR, "it is in use"),
    (log(made=False), "log_new", NOTE, "there is no log yet"),
    (running(lag={"pixel-hits": 5_000}), "log_behind", WARNING, "5,000 of pixel-hits"),
    (replace(log(lag={"visits": 2_000}), running=None), "log_behind", WARNING, "2,000 of visits"),
    (kafka(wrong="no Kafka broker answers us"), "log_unreachable", ERROR, "no Kafka broker answers us"),
    (kafka(missing=("binds",)), "topics_missing", NOTE, "no topic binds yet"),
    (GROWN, "partitions_differ", ERROR, "visits has 13 partitions; binds, payments have 12"),
    (kafka(workers=0), "no_worker", ERROR, "no worker is at work"),
    (running(trouble="the clock", clock_refused=True), "clock_refused", ERROR, "the clock"),
    (running(trouble="Kafka is away"), "spool_waiting", WARNING, "Kafka is away"),
    (kafka(spooled=4_096), "spool_left", WARNING, "4,096 bytes wait on this disk"),
    (WELL, "store_ok", OK, "the database can be read"),
    (replace(WELL, store_wrong="cannot open it"), "store_unusable", ERROR, "cannot open it"),
    (replace(WELL, dead_letters=3), "dead_letters", WARNING, "3 records could not be processed"),
    (WELL, "disk_ok", OK, "50.0 GB of 100.0 GB are free"),
    (replace(WELL, free_bytes=GB), "disk_low", WARNING, "1.0 GB of 100.0 GB"),
    (replace(WELL, free_bytes=1), "disk_full", ERROR, "the disk is full"),
    (WELL, "clock_ok", OK, "agrees with Stripe"),
    (replace(WELL, clocks={"Stripe": 61_000}), "clock_wrong", ERROR, "61 s ahead of Stripe"),
    (replace(WELL, clocks={"PostgreSQL": -HOUR}), "clock_wrong", ERROR, "3,600 s behind PostgreSQL"),
    (
        replace(WELL, newest_at=NOW + HOUR),
        "clock_behind",
        ERROR,
        "the ledger has entries of 2026-02-02 03:40 UTC",
    ),
    (NO_CLOCK, "clock_not_compared", NOTE, "was compared with none"),
    (WELL, "rates_ok", OK, "known through 2026-02-02"),
    (replace(WELL, rates_known_through=TODAY - 5), "rates_old", WARNING, "known through 2026-01-28 only"),
    (replace(WELL, rates_fetched=False), "rates_off", NOTE, "TRACKREV_RATES_URL=off"),
    (replace(WELL, rates_known_through=None), "rates_unknown", NOTE, "no exchange rates were fetched yet"),
    (WELL, "secret_key_ok", OK, "opens what it sealed"),
    (replace(WELL, secret=SecretFacts(0o644)), "secret_key_open", WARNING, "mode 644"),
    (replace(WELL, secret=SecretFacts(0o600, "another key")), "secret_key_wrong", ERROR, "another key"),
    (WELL, "public_url_ok", OK, "https://track.shop.example answers"),
    (places(public_url=""), "public_url_missing", WARNING, "name http://127.0.0.1:8765"),
    (places(reached="no answer"), "public_url_unreachable", WARNING, "no answer"),
    (places(public_url="http://a.example"), "public_url_insecure", WARNING, "is not https"),
    (places(public_url="http://localhost:8765"), "public_url_ok", OK, "http://localhost:8765 answers"),
    (WELL, "proxy_ok", OK, "as the settings say"),
    (places(behind_proxy=False), "proxy_not_believed", WARNING, "does not believe it"),
    (running(forwarded=0, direct=5), "proxy_header_missing", WARNING, "no request had X-Forwarded-Proto"),
    (hits(outcome("refused"), workspace=""), "unknown_workspace", WARNING, "shop.example: the tag names"),
    (replace(WELL, workspaces=()), "no_workspace", NOTE, "there is no workspace yet"),
    (WELL, "tag_seen", OK, "was seen on shop.example"),
    (replace(STOPPED, workspaces=(replace(SHOP, last_visit_day=None),)), "tag_never_seen", WARNING, "no hit"),
    (replace(STOPPED, workspaces=(replace(SHOP, last_visit_day=TODAY - 9),)), "tag_silent", WARNING, "01-24"),
    (STOPPED, "tag_seen", OK, "the last visit was on 2026-02-02"),
    (WELL, "hits_ok", OK, "of the last 1 hits 1 taken"),
    (hits(outcome(), outcome("dropped", "bot")), "hits_ok", OK, "1 taken, 1 dropped (bot)"),
    (CLICKED_ALONE, "tag_never_seen", WARNING, "no hit of shop.example was ever taken"),
    (hits(outcome("dropped", "bad_email")), "hits_lost", WARNING, "0 taken, 1 dropped (bad_email)"),
    (hits(outcome("refused", "too_many")), "hits_lost", WARNING, "1 refused (too_many)"),
    (shop(connections=()), "stripe_not_connected", WARNING, "Stripe is not connected"),
    (account(has_key=False), "stripe_without_key", NOTE, "no key"),
    (account(has_webhook_secret=False), "stripe_without_webhook", NOTE, "no webhook"),
    (WELL, "webhook_ok", OK, "the last event of Stripe came on"),
    (events(outcome("refused", "bad_signature")), "webhook_refused", WARNING, "(bad_signature)"),
    (
        replace(STOPPED, workspaces=(replace(SHOP, last_webhook_at=None),)),
        "webhook_never",
        WARNING,
        "ever came",
    ),
    (
        replace(STOPPED, workspaces=(replace(SHOP, last_webhook_at=NOW - 9 * DAY_MS),)),
        "webhook_silent",
        WARNING,
        "and charges since",
    ),
    (WELL, "poller_ok", OK, "Stripe was last read on"),
    (account(started_at=None), "poller_not_yet", NOTE, "was not read yet"),
    (account(result="Stripe does not know this key"), "poller_failed", WARNING, "does not know this key"),
    (account(due_at=0, started_at=NOW - 9 * HOUR), "poller_late", WARNING, "was last read on"),
    (WELL, "permissions_ok", OK, "may read all"),
    (account(permissions={"disputes": "missing"}), "permission_missing", WARNING, "may not read disputes"),
    (account(permissions={"disputes": "unknown"}), "permissions_unknown", WARNING, "did not answer"),
    (
        shop(waiting=3, waits_since=NOW - HOUR),
        "money_waits_lately",
        NOTE,
        "3 refunds or disputes count nowhere",
    ),
    (shop(waiting=1, waits_since=NOW - 25 * HOUR), "money_waits", WARNING, "their charge was never seen"),
    (WELL, "unattributed_ok", OK, "nobody earned 20 % of 10 charges in 30 days (2 no_visitor)"),
    (shop(reasons={"no_email": 6, "no_visitor": 1}), "unattributed_high", WARNING, "70 % of 10 charges"),
    (shop(charges=2, reasons={"no_email": 2}), "unattributed_ok", OK, "100 % of 2 charges"),
    (shop(charges=0, reasons={}), "no_charges", NOTE, "no charge in the last 30 days"),
]


@pytest.mark.parametrize(("facts", "code", "severity", "message"), CASES, ids=[case[1] for case in CASES])
def test_a_check_says_what_is_so(facts: Facts, code: str, severity: Severity, message: str) -> None:
    [found] = [each for each in examine(facts) if each.code == code]
    assert found.severity is severity
    assert message in found.message
    assert bool(found.do) or not severity.needs_doing
    assert "{" not in found.do + found.message


def test_of_a_topic_that_grew_it_names_the_repair() -> None:
    [found] = [each for each in examine(GROWN) if each.code == "partitions_differ"]
    assert "`trackrev topics repair`" in found.do


def test_where_all_is_well_nothing_needs_doing() -> None:
    assert {each.severity for each in examine(WELL)} == {OK}


def test_of_a_workspace_for_trying_things_out_nothing_needs_doing() -> None:
    trial = replace(SHOP, domain="localhost", connections=(), last_visit_day=None)
    found = examine(replace(running(hits={}), workspaces=(trial,), places=PlaceFacts(behind_proxy=True)))
    assert [each.code for each in found if each.severity.needs_doing] == []
    assert {"tag_never_seen", "stripe_not_connected", "public_url_missing"} <= {each.code for each in found}


def test_every_code_is_in_the_table() -> None:
    told = {finding.code for facts, *_ in CASES for finding in examine(facts)}
    assert told == {code for _, code, *_ in CASES}
