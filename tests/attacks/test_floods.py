# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts that print without end, or more than they have to say: an error of theirs, at a cost that has a bound."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
MEMORY_MAX = 900 << 20  # bytes that any process of the run has at most; without a bound it is what the machine has
PATIENCE_S = 100
# what stands in for a host's Python; the nonce of the question is the last word that it is given
FLOODS = {
    "answers": "put = 'x' * 65536",
    "errors": "where, put = 2, 'x' * 65536",
    "lines": "put = '\\n' * 65536",
    "frames": "put, times = f'netopt-answer:{nonce}:30000000:00000000:', 500_000",
    "values": "body = '[' + '[],' * 9_000_000 + '1]'\nput, times = frame(body), 1",
    "levels": "put, times = frame('[' * 30_000_000), 1",
}
SHOWN = ("answers", "frames", "values")  # the others end as these do
EACH_FLOOD = [pytest.param(flood, marks=() if flood in SHOWN else pytest.mark.long) for flood in FLOODS]
PROGRAM = """\
#!/usr/bin/python3
import os, sys, zlib
sys.stdin.buffer.readline()
nonce, where, times = sys.argv[-1], 1, 10**9
def frame(body):
    return f"netopt-answer:{nonce}:{len(body)}:{zlib.crc32(body.encode()):08x}:{body}"
FLOOD
data = put.encode()
for _ in range(times):
    left = data
    while left:
        left = left[os.write(where, left):]
"""
MEASURED = """\
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL)
sys.stderr.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(done.returncode)
"""


@pytest.mark.parametrize("pipelining", ["True", pytest.param("False", marks=pytest.mark.long)])
@pytest.mark.parametrize("flood", EACH_FLOOD)
def test_a_flood(tmp_path: Path, flood: str, pipelining: str) -> None:
    """The host failed, the other one has answered, and no process has taken more memory than there is a bound for."""
    python = tmp_path / "python"
    python.write_text(PROGRAM.replace("FLOOD", FLOODS[flood]), encoding="utf-8")
    python.chmod(0o755)
    local = {"ansible_connection": "local"}
    hosts = {
        "good": {**local, "ansible_python_interpreter": "/usr/bin/python3"},
        "odd": {**local, "ansible_python_interpreter": str(python)},
    }
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}), encoding="utf-8")
    words = [sys.executable, "-m", "mcp_bridge", "checkpoints", "--json", "-i", str(inventory)]
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words],
        check=False,
        capture_output=True,
        text=True,
        cwd=TOP,
        env={**os.environ, "NETOPT_STATE_DIR": str(tmp_path / "state"), "ANSIBLE_PIPELINING": pipelining},
        timeout=PATIENCE_S,
    )
    found = json.loads(done.stdout)
    assert set(found["unanswered"]) == {"odd"}
    assert int(done.stderr.split()[-1]) << 10 < MEMORY_MAX
    if flood not in {"frames", "levels"}:  # of a length that is read, in which there is no answer
        assert "it has more than" in found["unanswered"]["odd"]
