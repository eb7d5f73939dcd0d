"""The Faust app, as all our processes make it."""

from pathlib import Path
from typing import Any

import faust

from trackrev_stream.eventlog.faust_patches import runtime
from trackrev_stream.settings import Settings

APP_ID = "trackrev"
COMMIT_INTERVAL_S = 0.5


def new_app(settings: Settings, tables: Path, **more: Any) -> faust.App:
    """A Faust app over the log of the settings, with its tables in a directory of its own."""
    return faust.App(
        APP_ID,
        broker=settings.broker,
        store="rocksdb://",
        datadir=tables,
        topic_partitions=settings.partitions,
        broker_commit_interval=COMMIT_INTERVAL_S,
        **runtime.SETTINGS,
        **more,
    )
