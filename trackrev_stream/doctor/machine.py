"""Checks of what the program stands on: log, database, disk, clock, rates, secret key, addresses."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from trackrev_stream.contracts.times import utc_minute
from trackrev_stream.doctor.facts import Facts
from trackrev_stream.doctor.findings import Finding, error, note, ok, warning
from trackrev_stream.domain.values.days import iso_of

MANY_WAIT = 1_000
FULL_BYTES, LOW_BYTES = 200 << 20, 2 << 30
WRONG_CLOCK_MS = 30_000
FUTURE_MS = 60_000
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_program(facts: Facts) -> Iterator[Finding]:
    """Whether it runs."""
    if facts.running is not None:
        yield ok("program_running", f"the program runs over {facts.data} ({', '.join(facts.running.roles)})")
    elif not facts.log.kafka:
        yield error(
            "program_stopped",
            f"no program runs over {facts.data}: hits and events of Stripe are turned away",
            "start it: `trackrev up`",
        )
    else:
        yield note("collector_elsewhere", f"no collector runs over {facts.data} on this machine")


def check_log(facts: Facts) -> Iterator[Finding]:
    """Whether the log can be read, and its readers keep up."""
    found = facts.log
    if found.wrong:
        do = (
            "look at the brokers, the network and TRACKREV_KAFKA_*; collectors keep what comes meanwhile"
            if found.kafka
            else "wait a moment, or stop that program and start it again"
        )
        yield error("log_unreachable", f"the log cannot be looked at: {found.wrong}", do)
        return
    if not found.made:
        yield note("log_new", "there is no log yet: the first start makes it")
        return
    if found.kafka:
        yield from _check_topics(facts)
    lag = facts.running.lag if facts.running is not None else found.lag
    behind = {topic: count for topic, count in lag.items() if count > MANY_WAIT}
    if behind:
        told = ", ".join(f"{count:,} of {topic}" for topic, count in behind.items())
        yield warning(
            "log_behind", f"records wait to be processed: {told}", "see ops/runbooks/lag-growing.md"
        )
    else:
        yield ok("log_ok", f"the log is read; {sum(lag.values()):,} records wait")


def _check_topics(facts: Facts) -> Iterator[Finding]:
    found = facts.log
    if found.missing:
        yield note(
            "topics_missing", f"Kafka has no topic {', '.join(found.missing)} yet: the next start makes it"
        )
    if wrong := found.partitions.wrong():
        yield error("partitions_differ", wrong, found.partitions.advice())
    if not found.workers:
        yield error("no_worker", "no worker is at work: charges wait", "start one: `trackrev worker`")


def check_spool(facts: Facts) -> Iterator[Finding]:
    """Whether Kafka takes what collectors have."""
    running = facts.running
    if running is not None and running.clock_refused:
        yield error("clock_refused", running.trouble, "set the clock, then see ops/runbooks/clock-ahead.md")
    elif running is not None and running.trouble:
        yield warning("spool_waiting", running.trouble, "see ops/runbooks/spool-waiting.md")
    elif facts.log.spooled:
        yield warning(
            "spool_left",
            f"{facts.log.spooled:,} bytes wait on this disk for Kafka",
            "start the collector: it delivers them. Do not remove the directories spool-N",
        )


def check_store(facts: Facts) -> Iterator[Finding]:
    """Whether the database can be used."""
    if facts.store_wrong:
        yield error("store_unusable", facts.store_wrong, "mend it first: without it nothing else can be told")
        return
    yield ok("store_ok", "the database can be read")
    if facts.dead_letters:
        yield warning(
            "dead_letters",
            f"{facts.dead_letters:,} records could not be processed and wait for a decision",
            "look at them: `trackrev dead-letters list`",
        )


def check_disk(facts: Facts) -> Iterator[Finding]:
    """Whether there is room for what comes."""
    if facts.free_bytes is None:
        return
    free, total = (count / (1 << 30) for count in (facts.free_bytes, facts.total_bytes))
    told = f"{free:,.1f} GB of {total:,.1f} GB are free at {facts.data}"
    if facts.free_bytes < FULL_BYTES:
        yield error(
            "disk_full", f"the disk is full: {told}", "make room now: hits and events are turned away"
        )
    elif facts.free_bytes < LOW_BYTES:
        yield warning("disk_low", f"the disk is almost full: {told}", "make room, or move the data directory")
    else:
        yield ok("disk_ok", told)


def check_clock(facts: Facts) -> Iterator[Finding]:
    """Whether this machine's clock agrees with those of others."""
    off = {who: ahead for who, ahead in facts.clocks.items() if abs(ahead) > WRONG_CLOCK_MS}
    if off:
        told = " and ".join(
            f"{abs(ahead) / 1000:,.0f} s {'ahead of' if ahead > 0 else 'behind'} {who}"
            for who, ahead in off.items()
        )
        yield error(
            "clock_wrong",
            f"this machine's clock is {told}",
            "set it right by NTP: `timedatectl set-ntp true`",
        )
    elif facts.newest_at > facts.now + FUTURE_MS:
        yield error(
            "clock_behind",
            f"the ledger has entries of {utc_minute(facts.newest_at)}, and this machine's clock says "
            f"{utc_minute(facts.now)}",
            "set the clock right by NTP: `timedatectl set-ntp true`",
        )
    elif facts.clocks:
        yield ok("clock_ok", f"the clock agrees with {' and '.join(facts.clocks)}")
    else:
        yield note(
            "clock_not_compared", "the clock was compared with none: neither Stripe nor a server was asked"
        )


def check_rates(facts: Facts) -> Iterator[Finding]:
    """Whether amounts in other currencies can be converted."""
    if not facts.rates_fetched:
        yield note("rates_off", "no exchange rates are fetched (TRACKREV_RATES_URL=off)")
    elif facts.rates_known_through is None or facts.store_wrong:
        yield note("rates_unknown", "no exchange rates were fetched yet: the running program does that")
    elif facts.rates_known_through < facts.rates_due:
        yield warning(
            "rates_old",
            f"exchange rates are known through {iso_of(facts.rates_known_through)} only: later charges in "
            "other currencies than dollars wait for theirs",
            "let the program reach the ECB (TRACKREV_RATES_URL), see ops/runbooks/rates-old.md",
        )
    else:
        yield ok("rates_ok", f"exchange rates are known through {iso_of(facts.rates_known_through)}")


def check_secret_key(facts: Facts) -> Iterator[Finding]:
    """Whether secrets can be opened, and nobody else can."""
    secret = facts.secret
    if secret.wrong:
        yield error("secret_key_wrong", secret.wrong, "put back the key: see ops/runbooks/backup.md")
    elif secret.mode is not None and secret.mode & 0o077:
        yield warning(
            "secret_key_open",
            f"others on this machine can read the secret key (mode {secret.mode:o})",
            f"chmod 600 {facts.data}/secret.key",
        )
    else:
        yield ok("secret_key_ok", "the secret key opens what it sealed")


def check_public_url(facts: Facts) -> Iterator[Finding]:
    """Whether browsers and Stripe can reach the program."""
    places = facts.places
    if not places.public_url:
        named = facts.running.url if facts.running is not None and facts.running.url else "this machine"
        message = f"script tags and links name {named}: nobody outside can reach that"
        do = "set TRACKREV_PUBLIC_URL, such as https://track.shop.example, and start the program again"
        real = any(not each.is_trial for each in facts.workspaces)
        yield warning("public_url_missing", message, do) if real else note("public_url_missing", message, do)
    elif places.reached:
        yield warning(
            "public_url_unreachable",
            f"{places.public_url} did not answer as this program does: {places.reached}",
            "look at DNS, certificate, firewall and proxy; in some networks nobody reaches their own address",
        )
    elif (
        urlsplit(places.public_url).scheme != "https" and urlsplit(places.public_url).hostname not in LOOPBACK
    ):
        yield warning(
            "public_url_insecure",
            f"{places.public_url} is not https: pages with https will not load the script",
            "put a proxy with a certificate before it (ops/caddy)",
        )
    else:
        yield ok("public_url_ok", f"{places.public_url} answers")


def check_proxy(facts: Facts) -> Iterator[Finding]:
    """Whether the proxy says by which protocol pages came, where there is one."""
    places, running = facts.places, facts.running
    if running is None:
        return
    if running.forwarded and not places.behind_proxy:
        yield warning(
            "proxy_not_believed",
            "requests come through a proxy (X-Forwarded-Proto), and the program does not believe it: cookies "
            "are not marked Secure",
            "set TRACKREV_BEHIND_PROXY=1, and let nobody reach the program past the proxy",
        )
    elif places.behind_proxy and running.direct and not running.forwarded:
        yield warning(
            "proxy_header_missing",
            "TRACKREV_BEHIND_PROXY is set, and no request had X-Forwarded-Proto: cookies are not Secure",
            "have the proxy set X-Forwarded-Proto, or take the variable away where there is no proxy",
        )
    elif running.forwarded or running.direct:
        yield ok("proxy_ok", "the proxy's headers are as the settings say")
