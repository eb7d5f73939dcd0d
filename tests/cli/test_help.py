"""What helps people at the command line: examples, hints that can be run, and the Tab key."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trackrev_stream.cli import hints
from trackrev_stream.cli.examples import EXAMPLES, commands_of, subparsers_of
from trackrev_stream.cli.main import main
from trackrev_stream.cli.parser import build_parser

COMMANDS = dict(commands_of(build_parser()))


@pytest.mark.parametrize("words", COMMANDS)
def test_the_help_of_a_command_has_an_example(words: str) -> None:
    assert words in EXAMPLES, f"give {words!r} an example in trackrev_stream/cli/examples.py"
    told = COMMANDS[words].format_help()
    assert [example for example in EXAMPLES[words] if f"  trackrev {example}" not in told] == []


@pytest.mark.parametrize("example", [each for examples in EXAMPLES.values() for each in examples])
def test_an_example_can_be_given_so(example: str) -> None:
    words = shlex.split(example)
    for redirected in ("<", ">"):
        words = words[: words.index(redirected)] if redirected in words else words
    assert build_parser().parse_args(words).command


def test_examples_are_of_commands() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


def test_hints_know_every_word() -> None:
    assert set(subparsers_of(build_parser())) <= set(hints.WORDS)


@pytest.mark.parametrize(
    ("called", "named"),
    [
        (".venv/bin/trackrev", ".venv/bin/trackrev"),
        ("{here}/.venv/bin/trackrev", ".venv/bin/trackrev"),
        ("/opt/shop/bin/trackrev", "/opt/shop/bin/trackrev"),
        ("{path}/trackrev", "trackrev"),
        ("trackrev_stream/cli/__main__.py", "trackrev"),
        ("/usr/bin/pytest", "trackrev"),
    ],
)
def test_the_program_is_named_as_it_was_called(
    called: str, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = tmp_path / "on-path"
    found.mkdir()
    (found / "trackrev").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(found))
    monkeypatch.chdir(tmp_path)
    assert hints.how_called(called.format(here=tmp_path, path=found)) == named


def test_commands_in_a_text_are_named_so_and_nothing_else_is() -> None:
    text = (
        "trackrev: see `trackrev workspace list`, or: trackrev stripe sync ws; trackrev is up at trackrev.db "
        "/opt/trackrev up, trackrev-stream up, trackrev upwards"
    )
    assert hints.as_called(text, ".venv/bin/trackrev") == text.replace(
        "`trackrev workspace", "`.venv/bin/trackrev workspace"
    ).replace(": trackrev stripe", ": .venv/bin/trackrev stripe")
    assert hints.as_called(text, "trackrev") == text


def test_a_message_names_the_command_as_it_was_run(tmp_path: Path) -> None:
    script = tmp_path / "bin" / "trackrev"
    script.parent.mkdir()
    script.write_text(
        f"#!{sys.executable}\nimport sys\nfrom trackrev_stream.cli.main import main\nsys.exit(main())\n"
    )
    script.chmod(0o755)
    done = subprocess.run(
        ["bin/trackrev", "workspace", "list", "--data", "none"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "start with `bin/trackrev up`" in done.stderr


def completed(words: str) -> set[str]:
    """What bash offers after these words."""
    asked = 'COMP_WORDS=(trackrev "$@"); COMP_CWORD=$#; _trackrev; printf "%s\\n" "${COMPREPLY[@]}"'
    script = f'eval "$(cat)"; {asked}'
    made = subprocess.run(
        [sys.executable, "-m", "trackrev_stream.cli", "completion", "bash"],
        capture_output=True,
        text=True,
        check=True,
    )
    told = subprocess.run(
        ["bash", "-c", script, "bash", *words.split(" ")],
        input=made.stdout,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("wor", {"worker", "workspace"}),
        ("workspace cr", {"create"}),
        ("workspace create ws_shop --dom", {"--domain"}),
        ("dead-letters list --status op", {"open"}),
        ("completion ", {"bash", "zsh", "fish", "--help", "--data", "--json"}),
        ("--ver", {"--version"}),
    ],
)
def test_bash_completes(words: str, offered: set[str]) -> None:
    assert completed(words) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_another_shell_can_read_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "dead-letters" in script
    assert "no-wait" in script
    if found := shutil.which(shell):
        subprocess.run([found, "-n"], input=script, text=True, check=True)
