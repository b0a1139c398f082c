# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an apply holds in memory on a host, sent there and run as the transport does it."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._modules.apply import ARGUMENT_SPEC
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.render import digest, render
from ansible_collections.netopt.linux.plugins.module_utils._transport.bundle import PYTHON_FLAGS
from ansible_collections.netopt.linux.plugins.module_utils._transport.frame import answer_in
from ansible_collections.netopt.linux.plugins.plugin_utils._transport import BOOTSTRAP, DIGEST, USUAL_PYTHON, _program
from tests.kernel.test_large_trees import changes, classes
from tests.kernel.transaction_host import IFACE, Host, transaction_host

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces take root"),
]

CLASSES = 10_000
MOST_BYTES = 60_000_000
NONCE = "0123456789abcdef"
# of this process's own pages (proc(5)); what getrusage(2) tells begins with what the process was forked from
TOLD = "\nprint(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])\n"


def applied(host: Host, wanted: dict[str, Any], folder: Path) -> tuple[str, int]:
    """Apply changes and return (the status, the most bytes that the process held at any time)."""
    plan = {"iface": IFACE, "changes": wanted}
    options = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
    options.update(plan=plan, digest=digest(plan, render(plan)), confirm_timeout_s=0)
    message = {"module": "netopt_apply", "options": options, "check": False, "diff": False}
    sent = folder / "sent"
    sent.write_bytes(json.dumps({**message, "nonce": NONCE, "program": DIGEST}).encode() + b"\n" + _program())
    command = shlex.join([USUAL_PYTHON, *PYTHON_FLAGS, "-c", BOOTSTRAP + TOLD, NONCE])
    out = host.run("sh", "-c", f"exec {command} <{shlex.quote(str(sent))}")
    answer = answer_in(out, NONCE)
    assert answer is not None, out
    return answer["result"]["report"]["status"], int(out.split()[-1]) * 1024


@pytest.mark.long
def test_ten_thousand_classes_take_at_most_60_mb(tmp_path: Path) -> None:
    """A plan of 10,000 classes holds less than 60 MB while it is applied, when one class changes, and unchanged."""
    found = classes(CLASSES)
    with transaction_host() as host:
        held = {"cold": applied(host, changes(found), tmp_path)}
        found[5000] = {**found[5000], "ceil_mbit": 77}
        held["one class"] = applied(host, changes(found), tmp_path)
        held["unchanged"] = applied(host, changes(found), tmp_path)
    assert {name: status for name, (status, _bytes) in held.items()} == {
        "cold": "applied",
        "one class": "applied",
        "unchanged": "unchanged",
    }
    assert all(most <= MOST_BYTES for _status, most in held.values()), held
