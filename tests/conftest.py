"""What more than one directory of tests needs."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.kafka.jars import Missing as NoKafka
from ops.kafka.jars import jars as fetch
from ops.postgres import Missing, Server, postgres, programs
from tests.browser import Chromium, chromium
from tests.missing import missing

# Programs note in the home of their user that they run. Tests leave that alone; processes inherit this.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="trackrev-tests-state-")


@pytest.fixture(scope="session")
def jars() -> None:
    """Kafka is there; visibly skipped where it cannot be, but not under CI."""
    try:
        fetch()
    except NoKafka as reason:
        missing(reason)


@pytest.fixture(scope="session")
def postgres_programs() -> None:
    """PostgreSQL is installed, or the test does not run."""
    try:
        programs()
    except Missing as reason:
        missing(reason)


@pytest.fixture(scope="session")
def postgres_server(postgres_programs: None) -> Iterator[Server]:
    """A server for tests that need no more of it than its SQL: without fsync it is faster."""
    with postgres(fsync="off", full_page_writes="off") as server:
        yield server


@pytest.fixture(scope="module")
def running_chromium() -> Iterator[Chromium]:
    with chromium() as running:
        yield running


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MB: fails under CI, and is visibly skipped elsewhere, where none can be mounted."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        missing("only root can mount a small disk; a limit on file sizes is tested in its place")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)
