"""The short form of `make soak`: two workers, broker, database and one embedded process under faults."""

import logging
from pathlib import Path

import pytest

from tests.soak.form import SHORT
from tests.soak.soak import Soak

log = logging.getLogger(__name__)


@pytest.mark.timeout(420)
def test_faults_change_no_line(jars: None, tmp_path: Path) -> None:
    verdicts = Soak(SHORT, tmp_path, log.warning).run()
    for verdict in verdicts:
        assert not verdict.wrong, f"{verdict.name}, seed {SHORT.seed}:\n" + "\n".join(verdict.wrong)
        assert min(verdict.lags) > 0
    assert [len(verdict.lags) for verdict in verdicts] == [len(SHORT.schedule()), SHORT.kills]
