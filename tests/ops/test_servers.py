"""`make servers`, and the steps from there that README tells."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.kafka
@pytest.mark.postgres
def test_what_the_servers_print_is_all_that_a_cluster_needs(
    jars: None, postgres_programs: None, tmp_path: Path
) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRACKREV_")}
    servers = subprocess.Popen(
        [sys.executable, "-m", "ops.servers"], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    )
    try:
        printed = ""
        assert servers.stdout is not None
        while "TRACKREV_DATA" not in printed:
            line = servers.stdout.readline()
            assert line, "the servers ended"
            printed += line
        exported = dict(re.findall(r"^export (\w+)='?([^'\n]+)'?$", printed, re.MULTILINE))
        worker = subprocess.Popen(
            [sys.executable, "-m", "trackrev_stream.cli", "worker"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=environment | exported | {"PYTHONPATH": str(ROOT), "TRACKREV_ADMIN_PORT": "0"},
        )
        try:
            assert worker.stdout is not None
            assert "worker is up" in worker.stdout.readline()
        finally:
            worker.terminate()
            worker.wait()
        servers.send_signal(signal.SIGINT)
        assert servers.wait() == 0
    finally:
        servers.kill()
