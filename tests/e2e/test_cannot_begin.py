# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host on which nothing can begin says why in the message: its Python is too old, or sudo refuses."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mcp_bridge.lab.state import Lab
from tests.e2e.fleet import on_console

ROOT = Path(__file__).resolve().parents[2]
OLD = {
    found.parents[1].name: found
    for folder in (Path.home() / ".pyenv" / "versions", Path("/opt/pythons"))
    for found in sorted(folder.glob("*/bin/python"))
    if found.parents[1].name.startswith(("2.7.", "3.6.", "3.7."))
}
REFUSALS = {
    "sudo: sorry, you must have a tty to run sudo": "sudo on the host wants a terminal",
    "joe is not in the sudoers file.  This incident will be reported.": "The user may not become root on the host",
}


FACTS = "{netopt.linux.netopt_info: {gather: [versions]}}"
APPLY = "{netopt.linux.netopt_apply: {plan: {iface: lo, changes: {sysctl: {net.core.somaxconn: 1000}}}}}"
HERE = ("-i", "localhost,", "-c", "local")
PIPELINING = [pytest.param(True, id="pipelined"), pytest.param(False, id="copied", marks=pytest.mark.long)]
EACH_OLD = [pytest.param(name, marks=pytest.mark.long if number else ()) for number, name in enumerate(OLD)]
EACH_REFUSAL = [pytest.param(words, marks=pytest.mark.long if number else ()) for number, words in enumerate(REFUSALS)]


def run(folder: Path, module: str, *words: str, pipelining: bool, inventory: Sequence[str] = HERE) -> str:
    """Run one module of ours, on this machine unless told otherwise, and return the messages of its failure."""
    book = folder / "own.yml"
    book.write_text(f"[{{hosts: all, gather_facts: false, tasks: [{module}]}}]", encoding="utf-8")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), str(book), *inventory, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
            "ANSIBLE_PIPELINING": str(pipelining),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        },
    )
    assert done.returncode == 2, done.stdout + done.stderr
    return " ".join(line.strip() for line in done.stdout.splitlines() if '"msg"' in line)


@pytest.mark.skipif(not OLD, reason="there is no Python before 3.8 on this machine")
@pytest.mark.parametrize("pipelining", PIPELINING)
@pytest.mark.parametrize("version", EACH_OLD)
def test_a_python_that_is_too_old(tmp_path: Path, version: str, *, pipelining: bool) -> None:
    """The message names the program, its version and the one that is wanted."""
    python = f"ansible_python_interpreter={OLD[version]}"
    said = run(tmp_path, FACTS, "-e", python, pipelining=pipelining)
    assert f"The host's Python is too old: {OLD[version]} is {version}, and 3.8 or newer is wanted" in said


@pytest.mark.parametrize("pipelining", PIPELINING)
@pytest.mark.parametrize("words", EACH_REFUSAL)
def test_sudo_refuses(tmp_path: Path, words: str, *, pipelining: bool) -> None:
    """What sudo says is in the message, with what to do; nothing is said of a change that was never begun."""
    for module in (FACTS, APPLY):
        said = run(tmp_path, module, *become(tmp_path, words), pipelining=pipelining)
        assert REFUSALS[words] in said, said
        assert "What became of the change" not in said


@pytest.mark.lab
@pytest.mark.parametrize("words", EACH_REFUSAL)
def test_sudo_refuses_over_ssh(fresh_lab: Lab, tmp_path: Path, words: str) -> None:
    """The same over ssh, where what sudo says comes another way."""
    options = become(tmp_path, words)
    text = shlex.quote((tmp_path / "sudo").read_text(encoding="utf-8"))
    place = f"mkdir -p {tmp_path}; printf %s {text} >{tmp_path}/sudo; chmod -R 755 {tmp_path}"
    for host in fresh_lab.hosts:
        on_console(fresh_lab, host.name, "sh", "-c", place)
    for module in (FACTS, APPLY):
        said = run(tmp_path, module, *options, pipelining=True, inventory=("-i", str(fresh_lab.inventory)))
        assert said.count(REFUSALS[words]) == len(fresh_lab.hosts), said
        assert "What became of the change" not in said


def become(folder: Path, words: str) -> tuple[str, str]:
    """Return options for a sudo that refuses; there may be none here, and its settings are nobody's to change."""
    sudo = folder / "sudo"
    sudo.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n", encoding="utf-8")
    sudo.chmod(0o755)
    return ("-e", f"ansible_become=true ansible_become_exe={sudo} ansible_become_user=nobody")
