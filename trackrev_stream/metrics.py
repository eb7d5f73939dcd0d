"""The typed registry of metrics: every metric of the program, declared once, exported by Prometheus.

Names follow https://prometheus.io/docs/practices/naming/: unit last. The client adds ``_total`` to the names
of counters: ``trackrev_hits_accepted`` is exported as ``trackrev_hits_accepted_total``. Each metric must be
used (tests/test_tidy.py).
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry(auto_describe=True)

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)

HITS_ACCEPTED = Counter(
    "trackrev_hits_accepted",
    "Hits accepted by the collectors and saved",
    ["workspace", "kind"],
    registry=REGISTRY,
)
HITS_DROPPED = Counter(
    "trackrev_hits_dropped",
    "Hits dropped by the collectors: not wanted, or not well formed",
    ["reason"],
    registry=REGISTRY,
)
REQUESTS_REFUSED = Counter(
    "trackrev_requests_refused", "Requests answered with an error", ["endpoint", "code"], registry=REGISTRY
)
WEBHOOKS_ACCEPTED = Counter(
    "trackrev_webhooks_accepted", "Stripe events accepted and saved", ["workspace", "type"], registry=REGISTRY
)
WEBHOOKS_IGNORED = Counter(
    "trackrev_webhooks_ignored", "Stripe events acknowledged without effect", ["reason"], registry=REGISTRY
)
EMAILS_REFUSED = Counter(
    "trackrev_emails_refused",
    "Times that Stripe gave an address that stands for nobody",
    registry=REGISTRY,
)
LINK_CLICKS = Counter(
    "trackrev_link_clicks",
    "Tracked links followed, by whether the click was counted",
    ["counted"],
    registry=REGISTRY,
)
RECORDS_PROCESSED = Counter(
    "trackrev_records_processed", "Records an agent has processed", ["agent"], registry=REGISTRY
)
RECORDS_SECONDS = Histogram(
    "trackrev_record_seconds",
    "Time an agent took for a record",
    ["agent"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
DEAD_LETTERS = Counter(
    "trackrev_dead_letters", "Records that could not be processed", ["agent"], registry=REGISTRY
)
ENTRIES_POSTED = Counter("trackrev_entries_posted", "Ledger entries written", ["reason"], registry=REGISTRY)
MONEY_WAITING = Gauge(
    "trackrev_money_waiting",
    "Refunds and disputes whose charge was never seen: they are kept, and count nowhere",
    ["workspace"],
    registry=REGISTRY,
)
POST_SECONDS = Histogram(
    "trackrev_post_seconds", "Time of one transaction of the writer", buckets=_SECONDS, registry=REGISTRY
)
CHARGE_LATENCY_SECONDS = Histogram(
    "trackrev_charge_latency_seconds",
    "From the receipt of a Stripe event at the edge to its entries in the ledger",
    buckets=_SECONDS,
    registry=REGISTRY,
)
LAG_RECORDS = Gauge("trackrev_lag_records", "Records waiting for the agents", ["topic"], registry=REGISTRY)
ROCKSDB_BYTES = Gauge("trackrev_rocksdb_bytes", "Memory used by RocksDB, in bytes", ["of"], registry=REGISTRY)
STRIPE_READS = Counter(
    "trackrev_stripe_reads", "Requests to Stripe by the poller", ["workspace", "resource"], registry=REGISTRY
)
STRIPE_READS_30_DAYS = Gauge(
    "trackrev_stripe_reads_30_days",
    "Requests to Stripe over 30 days; Stripe allows at least 10,000 a month",
    ["workspace", "account"],
    registry=REGISTRY,
)
POLL_ROUNDS = Counter(
    "trackrev_poll_rounds", "Rounds of the poller that ended", ["workspace", "result"], registry=REGISTRY
)
POLLED_AT_SECONDS = Gauge(
    "trackrev_polled_at_seconds",
    "When the last complete round of the poller began, in seconds since the epoch",
    ["workspace", "account"],
    registry=REGISTRY,
)
RECONCILE_RESIDUAL_MINOR = Gauge(
    "trackrev_reconcile_residual_minor",
    "How much the ledger and Stripe differ over the last eight days, in minor units",
    ["workspace", "account", "currency"],
    registry=REGISTRY,
)
RECONCILE_DIFFERENCES = Gauge(
    "trackrev_reconcile_differences",
    "In how many places the ledger and Stripe differ over the last eight days",
    ["workspace", "account"],
    registry=REGISTRY,
)
RATES_KNOWN_THROUGH = Gauge(
    "trackrev_rates_known_through_timestamp_seconds",
    "Exchange rates are known up to this time",
    registry=REGISTRY,
)
RATES_FETCHES = Counter(
    "trackrev_rates_fetches", "Attempts to fetch reference rates from the ECB", ["outcome"], registry=REGISTRY
)

SPOOL_WAITING_RECORDS = Gauge(
    "trackrev_spool_waiting_records",
    "Records that a collector has acknowledged and Kafka does not have yet",
    registry=REGISTRY,
)
SPOOL_BYTES = Gauge("trackrev_spool_bytes", "Size of the spool on disk", registry=REGISTRY)
SPOOL_CAPACITY_BYTES = Gauge(
    "trackrev_spool_capacity_bytes", "The most that the spool may take on disk", registry=REGISTRY
)
SPOOL_SINCE_TIMESTAMP_SECONDS = Gauge(
    "trackrev_spool_since_timestamp_seconds",
    "When the oldest record in the spool came, in seconds since the epoch; 0 when it is empty",
    registry=REGISTRY,
)
SPOOLED = Counter("trackrev_spooled", "Records put into the spool", registry=REGISTRY)
SPOOL_DELIVERED = Counter(
    "trackrev_spool_delivered", "Records of the spool that Kafka has taken", registry=REGISTRY
)
SPOOL_DAMAGED = Counter(
    "trackrev_spool_damaged", "Records or whole logs of the spool that could not be read", registry=REGISTRY
)
CLOCK_REFUSED = Gauge(
    "trackrev_clock_refused",
    "1 while the broker refuses what a collector sends, because a clock is wrong by more than an hour",
    registry=REGISTRY,
)
TOPICS_GROWN = Gauge(
    "trackrev_topics_grown",
    "Topics on Kafka with another number of partitions than TRACKREV_PARTITIONS",
    registry=REGISTRY,
)


def exposition() -> bytes:
    """All metrics in the text format of Prometheus."""
    return generate_latest(REGISTRY)
