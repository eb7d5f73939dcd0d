"""The product's path on a real Kafka, each role in a process of its own."""

from pathlib import Path

from ops.kafka.broker import Broker
from tests.kafka.processes import Role, roles
from tests.program import stripe
from tests.program.running import Shop, now_ms
from trackrev_stream.domain.ids import uuid7


def test_a_click_becomes_a_credited_charge_over_three_processes(own: Broker, tmp_path: Path) -> None:
    data = tmp_path / "data"
    collect, api, worker = (Role(name, data, own) for name in ("collect", "api", "worker"))
    with roles(collect, api, worker):
        edge = Shop.open(collect)
        reader = Shop(api, edge.workspace, edge.api_key, edge.script_tag)
        edge.link("yt", "youtube")
        visitor = uuid7(now_ms(), b"0123456789")
        assert edge.follow("yt", visitor).status == 302
        identify = {
            "id": "h1",
            "type": "identify",
            "at": now_ms(),
            "url": "https://shop.example/",
            "email": "a@b.example",
        }
        assert edge.hits(visitor, identify).status == 202
        paid = stripe.charge("ch_1", 4_800, now_ms() // 1000, "a@b.example")
        assert edge.webhook(stripe.succeeded(paid)).status == 200
        told = reader.worth("ch_1", 4_800)
        assert [credit["channel"] for credit in told["credits"]] == ["youtube"]
        assert edge.webhook(stripe.refunded(paid, 1_000, now_ms() // 1000)).status == 200
        told = reader.worth("ch_1", 3_800)
        assert sum(entry["amount_minor"] for entry in told["entries"]) == 3_800
        assert [role.stop() for role in (worker, api, collect)] == [0, 0, 0]
