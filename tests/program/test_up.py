"""What `trackrev up` says where it is told to answer in JSON, or to listen everywhere."""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.program.running import ROOT, free_port
from trackrev_stream.program.listeners import openable


def test_up_answers_in_one_line_of_json_with_an_address_that_opens(tmp_path: Path) -> None:
    words = (
        "up",
        "--json",
        "--host",
        "0.0.0.0",
        "--port",
        str(free_port()),
        "--data",
        str(tmp_path / "data"),
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "trackrev_stream.cli", *words],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TRACKREV_ADMIN_PORT": "0", "TRACKREV_RATES_URL": "off"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["data"] == str(tmp_path / "data")
        assert told["url"].startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{told['url']}/live") as answer:
            assert answer.status == 200
    finally:
        process.terminate()
    assert process.wait(30) == 0
    assert process.stdout.read() == ""


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("10.0.0.5", "http://10.0.0.5:80"),
        ("shop.example", "http://shop.example:80"),
    ],
)
def test_an_address_is_one_that_can_be_opened(host: str, url: str) -> None:
    assert openable(host, 80) == url
