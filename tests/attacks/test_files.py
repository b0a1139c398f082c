# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that owners write and others may have touched: access files and policies that are bombs, traps or typos."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mcp_bridge.access.loader import load_access
from mcp_bridge.policy import PolicyError
from mcp_bridge.policy.loader import policy_directory
from mcp_bridge.policy.yaml_file import Document

GOOD = "version: 1\ncallers:\n  - {name: ci, scopes: [read], hosts: [all]}\n"
HASH = "a" * 64
LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [*{before}, *{before}, *{before}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
TOP = Path(__file__).parents[2]
TOKENS = "authentication:\n  tokens:\n    - {{caller: {0}, sha256: {1}}}\n"


def loading(what: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Read a file or folder in a process of its own."""
    words = [sys.executable, "-m", "tests.attacks.load_program", what, str(path)]
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=60, cwd=TOP)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LAUGHS, "aliases are not used"),
        ("a: " + "[" * 60_000, "Nested deeper"),
        ("- " * 100_000, "Nested deeper"),
        ("? " * 100_000, "Nested deeper"),
        ("? [" * 100_000, "Nested deeper"),
        ("a: " + "[" * 1500 + "]" * 1500, "Nested deeper"),
        ("x" * 2_000_000, "larger than"),
        ("version: 1\nversion: 1\n", ":2: version: The key is given twice"),
        ("a: !!python/object/apply:os.system ['touch /tmp/x']\n", "a"),
        ("a: !!timestamp 2020-99-99\n", "the tag tag:yaml.org,2002:timestamp is not read"),
        ("a: 2020-99-99\n", "Not valid YAML: month must be in 1..12"),
        ("a: {x: 1}\nb: {<<: {y: 2}}\n", ":2: b: Merge keys (<<) are not read"),
        ("a: " + "9" * 5000, ":1: a: The number is longer than 64 characters"),
        ("a: 1" + ":1" * 200_000, ":1: a: The number is longer than 64 characters"),
        ("a: [" + "1," * 300_000 + "1]", "More than 250000 values"),
        ("a: 1\n---\na: 2\n", ":2: Another document begins"),
        ("\x00", "Not valid YAML"),
        ("", "The file is empty"),
        (GOOD + "who: me\n", ":4: who"),
        (GOOD.replace("read", "root"), ":3: callers[0].scopes[0]"),
        (GOOD.replace("[all]", "['all:!x']"), ":3: callers[0].hosts[0]"),
        (GOOD.replace("[all]", "['@/etc/passwd']"), ":3: callers[0].hosts[0]"),
        (GOOD.replace("[all]", "['~.*']"), ":3: callers[0].hosts[0]"),
        (GOOD.replace("[all]", "[]"), ":3: callers[0].hosts"),
        (
            GOOD.replace("}", ", hours: [{days: [mon], to: '16:00'}]}"),
            ":3: callers[0].hours: Callers can no longer be limited to hours",
        ),
        (GOOD.replace("}", ", hours: []}"), "may make changes at any time"),
        ("callers: [{hours: }]\n", "run the server only at those times. Then remove the key"),
        (GOOD.replace("name: ci", 'name: "a\\nb"'), ":3: callers[0].name"),
        (GOOD + "  - {name: ci, scopes: [read], hosts: [all]}\n", ":4: callers[1].name: There are two callers"),
        (GOOD + TOKENS.format("nobody", HASH), ":6: authentication.tokens[0].caller: There is no caller nobody"),
        (GOOD + TOKENS.format("ci", "secret"), ":6: authentication.tokens[0].sha256"),
        (GOOD + "authentication: {jwt: {issuer: x, audience: y}}\n", "jwks_uri or public_key_file"),
        (GOOD + "authentication: {jwt: {issuer: x, audience: y, public_key_file: /dev/null}}\n", "no PEM public key"),
        (
            GOOD + "authentication: {jwt: {issuer: x, audience: y, jwks_uri: 'https://x', algorithm: HS256}}\n",
            ":4: authentication.jwt.algorithm",
        ),
    ],
    ids=lambda value: ascii(value[:40]),
)
def test_access_files_that_are_wrong(tmp_path: Path, text: str, words: str) -> None:
    """One error with file, line and path, at once, and no crash; no code is run and no token is quoted."""
    path = tmp_path / "access.yml"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    begun = time.process_time()
    with pytest.raises(PolicyError) as refusal:
        load_access(path)
    assert time.process_time() - begun < 5
    assert words in str(refusal.value)
    assert str(refusal.value).startswith(str(path))


def test_access_file_that_others_may_write(tmp_path: Path) -> None:
    """Whoever may write to the file could give themselves everything."""
    path = tmp_path / "access.yml"
    path.write_text(GOOD, encoding="utf-8")
    path.chmod(0o666)
    with pytest.raises(PolicyError, match="chmod go-w"):
        load_access(path)
    path.chmod(0o644)
    assert load_access(path).rule("ci") is not None


@pytest.mark.parametrize("name", ["access.yml", "config_cards/mine.yaml", "limits.yaml"])
def test_pipes_are_not_waited_for(tmp_path: Path, name: str) -> None:
    """A named pipe among the files is refused by name; nobody waits for somebody to write into it."""
    policy = tmp_path / "policy"
    shutil.copytree(policy_directory(), policy)
    (policy / "access.yml").write_text(GOOD, encoding="utf-8")
    path = policy / name
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    done = loading("access", path) if name == "access.yml" else loading("policy", policy)
    assert done.returncode == 1
    assert f"{path}: It is not a regular file" in done.stderr


@pytest.mark.parametrize("text", ["a: " + "[" * 60_000, "- " * 100_000, "{" * 60_000], ids=["lists", "dashes", "maps"])
def test_deep_yaml_does_not_crash_the_process(tmp_path: Path, text: str) -> None:
    """A policy that would exhaust libyaml's stack is an error of one line: tried in a process of its own."""
    path = tmp_path / "limits.yaml"
    path.write_text(text, encoding="utf-8")
    done = loading("document", path)
    assert done.returncode == 1
    assert "Nested deeper" in done.stderr
    with pytest.raises(PolicyError):
        Document(path)
