"""What a test needs and this machine has not: a visible skip at home, a failure where all must run."""

import os
from typing import NoReturn

import pytest


def missing(reason: object) -> NoReturn:
    """End the test, or whatever depends on the fixture."""
    if os.environ.get("CI"):
        pytest.fail(str(reason))
    pytest.skip(str(reason))  # without Kafka, Chromium and their like the rest is worth running at home
