"""The benchmarks of the cluster: they run, and what they count adds up. No figure is asserted."""

import asyncio
import json
from pathlib import Path

import pytest

from ops.bench import visitors
from ops.bench.harness import changelog_rows
from ops.bench.harness.frames import HITS_EACH, crowd, frames
from tests.bench.running import bench, figures
from trackrev_stream.contracts.codec import MOST_BYTES_A_FRAME, MOST_HITS_A_FRAME, decode, decode_frame
from trackrev_stream.domain.journeys.journey import VisitorRow
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.values.ids import partition_of, visitor_key

real = pytest.mark.usefixtures("jars", "postgres_programs")


def test_frames_are_those_of_the_collectors() -> None:
    made = list(frames(600, partitions=3))
    hits = [(lane, hit) for lane, frame in made for hit in decode_frame(Hit, frame)]
    assert len(hits) == 600 * HITS_EACH == len(list(crowd(600)))
    for lane, hit in hits:
        assert isinstance(hit, Hit)
        assert partition_of(visitor_key(hit.workspace, hit.visitor), 3) == lane
    sizes = [(frame.count(b"\n") + 1, len(frame)) for _, frame in made]
    assert all(count <= MOST_HITS_A_FRAME and size <= MOST_BYTES_A_FRAME for count, size in sizes)
    assert sum(count > 150 for count, _ in sizes) >= len(sizes) - 3, "full ones, but for the last of each"


def test_the_rows_of_all_visitors_are_their_own() -> None:
    made = dict(changelog_rows.rows(700))
    assert len(made) == 700
    read = {key: decode(VisitorRow, raw) for key, raw in made.items()}
    assert all(visitor_key(row.workspace, row.visitor) == key for key, row in read.items())
    touches = [touch for row in read.values() for touch in row.touches]
    assert len(touches) == len(set(touches)) > 2 * len(read)
    joins = [one.join for row in read.values() for one in row.identities]
    assert len(joins) == len(set(joins)) > len(read) / 3


@pytest.mark.kafka
@real
def test_stitch_and_recovery_run(tmp_path: Path) -> None:
    out = tmp_path / "last.json"
    done = bench("stitch", "recovery", "--seconds", "1", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert figures(out, "stitch")["stitch / plain"] > 0
    assert figures(out, "recovery")["restored"] > 0


@pytest.mark.kafka
@real
def test_visitors_come_back(tmp_path: Path) -> None:
    result = asyncio.run(visitors.run(tmp_path, 1.0, visitors=2_000))
    found = {figure.name: figure.value for figure in result.figures}
    assert found["under traffic"] >= found["no visitors"] / 2
    assert found["tables on the disk"] >= 0


@pytest.mark.kafka
@pytest.mark.postgres
@real
def test_a_cluster_loses_nothing_under_load(tmp_path: Path) -> None:
    out = tmp_path / "last.json"
    few = ("--hits", "100", "--charges", "5", "--workers", "2")
    done = bench("cluster", "--seconds", "3", *few, "--out", str(out))
    assert done.returncode == 0, done.stderr
    found = figures(out, "cluster")
    assert found["not taken"] == found["never credited"] == 0
    assert found["worker 1"] > 0
    assert found["worker 2"] > 0
    assert "SHORTFALL" not in done.stdout or json.loads(out.read_text())["results"][0]["shortfalls"]
