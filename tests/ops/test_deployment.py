"""The deployment and the program agree: commands, settings, metrics, alerts and runbooks name what exists."""

import argparse
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from ops import redpanda
from tests.missing import missing
from trackrev_stream import metrics, settings
from trackrev_stream.cli.parser import build_parser

ROOT = Path(__file__).parent.parent.parent
OPS = ROOT / "ops"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
RULES = [
    rule
    for group in yaml.safe_load((OPS / "prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARDS = sorted((OPS / "grafana/dashboards").glob("*.json"))
# What Prometheus itself makes, beside the metrics of the program.
BY_PROMETHEUS = {"up", "ALERTS"}
# The overview, and what people do on purpose: not of an alert.
PROCEDURES = {"README.md", "upgrade.md", "backup.md"}


def commands() -> set[str]:
    parser = build_parser()
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return set(actions[0].choices)


def samples() -> set[str]:
    """The names of all samples that the registry can expose, also while they have no labels yet."""
    suffixes = {
        "counter": ("_total",),
        "gauge": ("",),
        "histogram": ("_bucket", "_count", "_sum", "_created"),
    }
    return {family.name + suffix for family in metrics.REGISTRY.collect() for suffix in suffixes[family.type]}


def names_in(expression: str) -> set[str]:
    """The metrics that a PromQL expression reads: names that are no function, label or keyword."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)", " ", expression)
    names = re.findall(r"\b[a-zA-Z_]\w*\b(?!\s*\()", bare)
    return set(names) - {"and", "or", "unless", "offset", "bool"}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (panel for panel in dashboard["panels"] if panel["type"] != "row")


def container_ports(service: dict[str, Any]) -> set[str]:
    return {str(port).split("/")[0].split(":")[-1] for port in service.get("ports", [])}


@pytest.mark.parametrize("name", OURS)
def test_every_service_of_ours_runs_a_command_of_the_program(name: str) -> None:
    assert OURS[name]["command"][0] in commands()


def test_the_tests_on_redpanda_run_what_the_compose_file_says() -> None:
    *options, image, option, command = redpanda.run_as(SERVICES["redpanda"], 4711)
    assert image == SERVICES["redpanda"]["image"]
    assert "--publish=127.0.0.1:4711:9092" in options
    (told,) = SERVICES["redpanda"]["command"]
    assert (option, command) == ("-c", told.replace("internal://redpanda:9092", "internal://127.0.0.1:4711"))


def test_the_roles_are_all_there() -> None:
    assert set(OURS) == {"collect", "worker", "poll", "api"}
    assert {name: service["command"] for name, service in OURS.items()} == {name: [name] for name in OURS}


def test_the_image_runs_a_command_of_the_program() -> None:
    entry = re.findall(r"^ENTRYPOINT (.+)$", DOCKERFILE, re.MULTILINE)
    command = re.findall(r"^CMD (.+)$", DOCKERFILE, re.MULTILINE)
    assert json.loads(entry[-1]) == ["trackrev"]
    assert json.loads(command[-1])[0] in commands()


def test_the_image_is_pinned_checked_and_not_root() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert [base for base in bases if not re.fullmatch(r"python:3\.12\.\d+-slim\S*", base)] == []
    assert "--constraint constraints.txt" in DOCKERFILE
    assert re.search(r"^HEALTHCHECK", DOCKERFILE, re.MULTILINE)
    user = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert user[-1].split(":")[0] not in ("root", "0")


def test_the_image_is_made_of_every_package_of_the_program() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for package in ("trackrev_stream", "collectors", "tables", "constraints.txt", "pyproject.toml"):
        assert f"!{package}" in ignored
        assert re.search(rf"^COPY .*\b{re.escape(package)}\b", DOCKERFILE, re.MULTILINE)
    assert ignored.index("*") < min(ignored.index(line) for line in ignored if line.startswith("!"))


@pytest.mark.parametrize(
    "place",
    [
        "docker-compose.yml",
        ".env.example",
        "ops/caddy/Caddyfile",
        "ops/systemd/trackrev.env",
        "README.md",
        "Dockerfile",
    ],
)
def test_only_settings_that_are_read_are_set(place: str) -> None:
    assert set(re.findall(r"TRACKREV_[A-Z_]+", (ROOT / place).read_text())) <= set(settings.VARIABLES)


def test_the_example_names_every_variable_that_compose_asks_for_and_holds_no_secret() -> None:
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    example = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert asked == set(example)
    assert [name for name in example if name.endswith(("PASSWORD", "KEY")) and example[name]] == []


def test_secrets_have_no_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secrets = re.findall(r"\$\{(\w*(?:PASSWORD|KEY))(.{0,2})", text)
    assert secrets
    assert [name for name, operator in secrets if operator != ":?"] == []


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_by_tag(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+\S*", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_bounded_restarted_and_stripped_of_powers(name: str) -> None:
    service = SERVICES[name]
    limits = service["deploy"]["resources"]["limits"]
    assert set(limits) == {"memory", "cpus", "pids"}
    assert service["restart"] == "unless-stopped"
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "healthcheck" in service or service in OURS.values()  # the image of ours has one


@pytest.mark.parametrize("name", OURS)
def test_services_of_ours_can_be_scaled(name: str) -> None:
    service = OURS[name]
    assert service["read_only"]
    assert "container_name" not in service
    assert (
        "ports" not in service
    )  # Caddy is the way in; /metrics, which asks for no key, is nowhere published
    if name == "collect":
        # What was acknowledged outlives the container; each process has a spool of its own in it.
        assert service["volumes"] == ["collect-data:/var/lib/trackrev"]
        assert "collect-data" in COMPOSE["volumes"]
    else:
        assert all(":" not in volume for volume in service["volumes"])  # a volume for each replica


def test_only_the_door_is_published_to_the_world() -> None:
    world = {name: container_ports(service) for name, service in SERVICES.items() if "ports" in service}
    assert world == {"caddy": {"80", "443"}, "grafana": {"3000"}}
    assert all(str(port).startswith("127.0.0.1:") for port in SERVICES["grafana"]["ports"])
    assert COMPOSE["networks"]["inside"]["internal"]
    assert {name for name in SERVICES if "edge" in SERVICES[name]["networks"]} == {"caddy", "collect", "api"}


def test_metrics_stay_on_loopback_unless_a_container_says_otherwise() -> None:
    assert settings.read_settings({}).admin_host == "127.0.0.1"
    opened = {name for name, service in SERVICES.items() if "TRACKREV_ADMIN_HOST" in str(service)}
    assert opened == set(OURS)
    assert "TRACKREV_ADMIN_HOST" not in DOCKERFILE


def test_the_broker_acknowledges_what_is_on_disk() -> None:
    # Its image starts in developer mode otherwise, which goes without fsync.
    (start,) = SERVICES["redpanda"]["command"]
    assert start.startswith("rpk redpanda mode production && exec rpk redpanda start ")
    assert "dev-container" not in start
    assert "bypass-fsync" not in start


@pytest.mark.parametrize("name", ["Caddyfile", "Caddyfile.single-box"])
def test_caddy_routes_what_the_program_serves_outside_and_nothing_else(name: str) -> None:
    text = (OPS / "caddy" / name).read_text()
    routes = {
        name: set(paths.split()) for name, paths in re.findall(r"^\s*@(\w+) path (.+)$", text, re.MULTILINE)
    }
    assert routes == {"edge": {"/e", "/p.js", "/l/*", "/webhooks/*"}, "read": {"/", "/api/*"}}


def test_caddy_finds_the_program_on_its_port() -> None:
    text = (OPS / "caddy/Caddyfile").read_text()
    assert re.findall(r"^\s*name (\w+)\n\s*port (\d+)$", text, re.MULTILINE) == [
        ("collect", str(settings.read_settings({}).port)),
        ("api", str(settings.read_settings({}).port)),
    ]


def test_caddy_on_one_machine_finds_the_program_on_its_port() -> None:
    text = (OPS / "caddy/Caddyfile.single-box").read_text()
    port = settings.read_settings({}).port
    assert re.findall(r"reverse_proxy (\S+)", text) == [f"127.0.0.1:{port}"] * 2


def test_the_service_runs_a_command_of_the_program_with_settings_of_its_own() -> None:
    unit = (OPS / "systemd/trackrev.service").read_text()
    start = re.findall(r"^ExecStart=(\S+) (\w+)$", unit, re.MULTILINE)
    assert [command for _, command in start] == ["up"]
    wrapper = (OPS / "systemd/trackrev").read_text()
    (user,) = re.findall(r"^User=(\w+)$", unit, re.MULTILINE)
    assert f'exec runuser -u {user} -- {start[0][0]} "$@"' in wrapper
    assert "EnvironmentFile=/etc/trackrev.env\n" in unit
    assert ". /etc/trackrev.env\n" in wrapper
    lines = (OPS / "systemd/trackrev.env").read_text().splitlines()
    given = settings.read_settings(dict(line.split("=", 1) for line in lines if not line.startswith("#")))
    (state,) = re.findall(r"^StateDirectory=(\w+)$", unit, re.MULTILINE)
    assert given.data == Path("/var/lib") / state
    assert given.behind_proxy
    host = urlsplit(given.public_url).hostname
    assert f"\n{host} {{\n" in (OPS / "caddy/Caddyfile.single-box").read_text()


def test_the_readme_installs_the_files_that_there_are() -> None:
    found = re.findall(r" /opt/trackrev-stream/(\S+) /", (ROOT / "README.md").read_text())
    assert len(found) == 4
    assert [name for name in found if not (ROOT / name).is_file()] == []


def test_prometheus_scrapes_every_role_on_its_admin_port() -> None:
    jobs = yaml.safe_load((OPS / "prometheus/prometheus.yml").read_text())["scrape_configs"]
    found = {
        (name, config["port"])
        for job in jobs
        for config in job.get("dns_sd_configs", [])
        for name in config["names"]
    }
    assert found == {(name, settings.read_settings({}).admin_port) for name in OURS}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alerts_read_metrics_that_exist(rule: dict[str, Any]) -> None:
    names = names_in(rule["expr"])
    assert names
    assert names - samples() - BY_PROMETHEUS == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_alerts_have_a_severity_a_summary_and_a_runbook_of_their_name(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    runbook = ROOT / rule["annotations"]["runbook_url"]
    assert runbook.parent == OPS / "runbooks"
    assert runbook.read_text().startswith(f"# {rule['alert']}\n")


def test_every_runbook_belongs_to_one_alert() -> None:
    runbooks = {path.name for path in (OPS / "runbooks").glob("*.md")} - PROCEDURES
    named = [Path(rule["annotations"]["runbook_url"]).name for rule in RULES]
    assert sorted(named) == sorted(runbooks)


def test_links_between_runbooks_lead_somewhere() -> None:
    for path in (OPS / "runbooks").glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_dashboards_read_metrics_that_exist(path: Path) -> None:
    expressions = [
        target["expr"] for panel in panels(json.loads(path.read_text())) for target in panel["targets"]
    ]
    assert expressions
    assert set().union(*map(names_in, expressions)) - samples() - BY_PROMETHEUS == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_panels_say_what_they_show(path: Path) -> None:
    dashboard = json.loads(path.read_text())
    source = yaml.safe_load((OPS / "grafana/provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ][0]
    for panel in panels(dashboard):
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == source["uid"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.name)
def test_panels_do_not_overlap(path: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(path.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_metric_is_on_a_dashboard() -> None:
    shown = "\n".join(path.read_text() for path in DASHBOARDS)
    families = {family.name for family in metrics.REGISTRY.collect()}
    assert {
        name for name in families if not re.search(rf"\b{name}(_total|_bucket|_count)?\b", shown)
    } == set()


def test_every_alert_has_a_test_that_sees_it_fire() -> None:
    tests = (OPS / "prometheus/alerts.test.yml").read_text()
    assert [rule["alert"] for rule in RULES if rule["alert"] not in tests] == []


def test_alerts_fire_when_they_should() -> None:
    if not shutil.which("promtool"):
        missing("promtool is not installed (it comes with prometheus)")
    for words in (["check", "config", "prometheus.yml"], ["test", "rules", "alerts.test.yml"]):
        done = subprocess.run(
            ["promtool", *words], cwd=OPS / "prometheus", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
