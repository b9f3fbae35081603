"""
What `meson install` puts where, and that what is installed fits the program.
"""

import os
import re
import shutil
import subprocess

import pytest

from harness import program
from harness.program import RELEASE, ROOT

BASH = os.path.join(ROOT, "contrib", "completion", "culvert.bash")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("install"))
    subprocess.run(["meson", "install", "--no-rebuild", "--quiet", "-C", os.path.dirname(RELEASE),
                    "--destdir", folder], check=True, stdout=subprocess.DEVNULL)
    return folder


def find(folder, ending):
    found = [os.path.join(at, f) for at, _, files in os.walk(folder) for f in files
             if os.path.join(at, f).endswith(ending)]
    assert len(found) == 1, f"{ending}: {found}"
    return found[0]


def text(folder, ending):
    with open(find(folder, ending)) as f:
        return f.read()


def test_everything_is_there(installed):
    assert os.access(find(installed, "bin/culvert"), os.X_OK)
    for ending in ("man1/culvert.1", "man5/culvert.conf.5", "system/culvert.service",
                   "system/culvert.socket", "sysusers.d/culvert.conf",
                   "rt_protos.d/culvert.conf", "completions/culvert", "site-functions/_culvert",
                   "examples/culvert.conf.example"):
        find(installed, ending)


def test_the_example_is_a_good_configuration(installed, tmp_path):
    example = text(installed, "culvert.conf.example")
    path = tmp_path / "all.conf"
    path.write_text(re.sub(r"^#(?=[a-z_]+ = )", "", example, flags=re.MULTILINE))
    code, out, _ = program.run(RELEASE, "config", "check", "--config", str(path))
    assert code == 0 and "good" in out
    plain = program.run(RELEASE, "config", "dump")[1]
    said = program.run(RELEASE, "config", "dump", "--config", str(path))[1]
    assert said.replace("# file", "# default") == plain


def test_the_unit_starts_this_program_and_systemd_understands_it(installed):
    unit = text(installed, "culvert.service")
    command = re.search(r"^ExecStart=(\S+) serve$", unit, re.MULTILINE).group(1)
    assert os.path.exists(installed + command)
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not installed")
    folder = os.path.dirname(find(installed, "culvert.service"))
    here = os.path.join(folder, "here.service")  # where the program really is
    with open(here, "w") as f:
        f.write(unit.replace(command, installed + command))
    out = subprocess.run(["systemd-analyze", "verify", "--man=no", here, folder + "/culvert.socket"],
                         capture_output=True, text=True).stderr
    assert not [line for line in out.splitlines() if "culvert" in line or "here.service" in line], out


def complete(*words):
    """What bash offers after these words (the last one is being typed)."""
    script = (f". {BASH}; culvert() {{ {RELEASE} \"$@\"; }}; COMP_WORDS=(culvert \"$@\");"
              " COMP_CWORD=$#; _culvert; printf '%s\\n' \"${COMPREPLY[@]}\"")
    return subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True,
                          check=True).stdout.split()


def test_completion_knows_every_command_action_switch_and_option():
    overview = program.run(RELEASE, "--help")[1]
    commands = re.findall(r"^  ([a-z]+) ", overview, re.MULTILINE)
    assert len(commands) > 4 and set(complete("")) == {*commands, "--help", "--version"}
    assert complete("conn") == ["connect"]
    assert complete("connect", "alice@vpn.example", "--pass") == ["--password-file"]
    assert complete("serve", "-o", "tls.min") == ["tls.min_version="]
    for command in commands:
        usage = program.run(RELEASE, command, "--help")[1]
        switches = re.findall(r"--[a-z][a-z0-9-]+", usage)
        assert set(complete(command, "--")) == set(switches), command
        actions = re.findall(rf"^(?:[Uu]sage:|      ) *culvert {command} ([a-z][a-z|-]*)\b", usage,
                             re.MULTILINE)
        assert set(complete(command, "")) == {a for words in actions for a in words.split("|")}


def test_zsh_asks_the_program_in_the_same_way():
    """zsh is no dependency of the tests, so the questions to the program are compared."""
    asked = []
    for path in (BASH, os.path.join(os.path.dirname(BASH), "_culvert")):
        with open(path) as f:
            found = re.findall(r"""(?:sed -n|grep -oE --) ("[^"]*sage[^"]*"|'--[^']*')""", f.read())
        asked.append(sorted(q.replace("$command", "$1") for q in found))
    assert len(asked[0]) == 2 and asked[0] == asked[1], asked


def test_every_command_stands_in_the_manual():
    with open(os.path.join(ROOT, "docs", "culvert.1")) as f:
        manual = f.read()
    for command in complete(""):
        assert command.startswith("--") or re.search(rf"^\.Ss culvert .*\b{command}\b", manual,
                                                      re.MULTILINE), command
