# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the commands for each TX queue below mq: numbers, the loop of the script, what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._tc import subsystem as tc_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._tc.commands import commands
from ansible_collections.netopt.linux.plugins.module_utils._tc.intent import intent

TREE = {
    "type": "htb",
    "htb_classes": [{"classid": "1:10", "rate_mbit": 5, "leaf": {"type": "pfifo"}, "match": [{"proto": "udp"}]}],
    "default_class": "1:10",
}
JITTER = {"delay_ms": 20, "delay_jitter_ms": 4}


def mq(per_queue: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return changes with mq."""
    return {"qdisc": {"type": "mq", **({"per_queue": per_queue} if per_queue else {})}, **more}


def lines(changes: dict[str, Any], queues: int) -> list[str]:
    """Return the commands for an interface with so many queues, from the first after mq on."""
    found = [" ".join(one.words) for one in commands(intent(changes, ("eth0",)), "eth0", queues=queues)]
    return found[found.index("tc qdisc replace dev eth0 root handle 1: mq") + 1 :]


def test_each_queue_has_its_own_numbers() -> None:
    """Handles do not meet, classes and filters hang from the tree of their queue."""
    found = lines(mq(TREE), 17)
    assert "tc qdisc replace dev eth0 parent 1:11 handle 30: htb default 10" in found
    assert "tc qdisc add dev eth0 parent 30:10 handle 31: pfifo" in found
    assert any(
        line.startswith("tc filter add dev eth0 parent 30: ") and line.endswith("flowid 30:10") for line in found
    )
    handles = [line.split("handle ")[1].split(":")[0] for line in found if " qdisc " in line and "handle" in line]
    assert len(set(handles)) == len(handles) == 34


def test_the_loop_says_the_same(tmp_path: Path) -> None:
    """The script, run with a tc that writes down what it is told, says what the commands for three queues say."""
    said = tmp_path / "said"
    tc = tmp_path / "tc"
    listing = "".join(f"class mq 1:{number:x} root leaf 8001: \\n" for number in (9, 10, 11))
    tc.write_text(
        f"""#!/bin/sh
if [ "$2" = show ]; then printf "{listing}class htb 10:9 root \\n"; else echo "tc $*" >>{said}; fi
"""
    )
    tc.chmod(0o755)
    changes = mq(TREE, netem={**JITTER, "distribution": "pareto"})
    script = tc_subsystem.render(intent(changes, ("eth0",)))
    subprocess.run(["bash", "-c", script], check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True)
    wanted = lines(changes, 11)
    each = (len(wanted) - 2) // 11
    begin = next(number for number, line in enumerate(wanted) if "parent 1:9 " in line)
    assert said.read_text().splitlines()[2:] == wanted[begin : begin + 3 * each]


def test_the_handle_tells_the_table() -> None:
    """Queues whose netem follows another table have another handle."""
    found = {
        name: next(line for line in lines(mq(netem={**JITTER, "distribution": name}), 2) if "netem" in line)
        for name in ("uniform", "normal", "pareto", "paretonormal")
    }
    assert len({line.split("handle ")[1].split(":")[0] for line in found.values()}) == 4


MANY = [{**TREE["htb_classes"][0], "classid": f"1:{number:x}"} for number in range(1, 101)]
REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "one queue": (mq(), 1, "wants several"),
    "too many": (
        mq({"type": "htb", "htb_classes": MANY}),
        700,
        "more than",
    ),
    "many classes": (mq({"type": "htb", "htb_classes": MANY * 3}), 2, "is the most"),
    "a rate for all": (mq(shaper={"egress_mbit": 5}), 2, "one rate"),
    "classes of its own": (mq(htb_classes=TREE["htb_classes"]), 2, "nor hold classes"),
}


@pytest.mark.parametrize(("changes", "queues", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(changes: dict[str, Any], queues: int, words: str) -> None:
    """What mq cannot be is refused, with what to do."""
    with pytest.raises(NetoptError) as caught:
        commands(intent(changes, ("eth0",)), "eth0", queues=queues)
    assert words in caught.value.message
    assert caught.value.hint
