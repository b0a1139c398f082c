# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Times large trees on a target: `netopt_apply` against one `tc -batch` that makes the same classes.

Everything runs in a network namespace of its own, and all are measured as whole processes, in turn, in the same run:

- `batch`: one `tc -batch` with the root qdisc, the classes and a u32 filter for each class;
- `cold`: what `netopt_apply` does on the target, from an interpreter that starts to a report that is printed: digest,
  facts, rehearsal, checkpoint on the disk, guard, classes, classification, read-back;
- `one`: the same for a plan in which the ceiling of one class differs;
- `same`: the same for a plan that holds already.

On a machine that has other things to do, the ratios of processor time say more than those by the clock.

    .venv/bin/python benchmarks/trees.py --classes 1000 10000 --runs 3
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
IFACE = "eth0"
INSIDE = "NETOPT_TREES_INSIDE"
FOLDERS = ("/var/lib/netopt", "/run/netopt")
GROUP = 2000  # filters for one preference; the kernel numbers at most 4095 of them
ENTRY = """
import json, sys
from ansible_collections.netopt.linux.plugins.module_utils._modules.apply import ARGUMENT_SPEC, run
given = {name: spec.get("default") for name, spec in ARGUMENT_SPEC.items()}
print(json.dumps(run({**given, **json.load(sys.stdin)}, check=False, diff=False)))
"""


def plan(classes: int, shapes: int, *, changed: int | None = None) -> dict[str, Any]:
    """Return a plan of subscribers: a class for each address, with one of ``shapes`` rates."""
    entries = [
        {
            "classid": f"1:{number + 2:x}",
            "rate_mbit": 1 + number % shapes,
            "ceil_mbit": 1000 + shapes if number == changed else 100 + number % shapes,
            "match": [{"dst": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}],
        }
        for number in range(classes)
    ]
    changes = {"qdisc": {"type": "htb"}, "default_class": "1:2", "htb_classes": entries}
    return {"iface": IFACE, "profile": None, "changes": changes}


def request(wanted: dict[str, Any]) -> str:
    """Return what the controller sends to the target for a plan."""
    from mcp_bridge.planning.checked_plan import check  # noqa: PLC0415 - not needed outside
    from mcp_bridge.policy import load_policy  # noqa: PLC0415

    return json.dumps({**vars(check(wanted, load_policy()).target_inputs), "confirm_timeout_s": 0})


def batch(wanted: dict[str, Any], text: str) -> str:
    """Return the peer's batch: the qdisc and the classes in netopt's own words, and a u32 filter for each class."""
    lines = [line[3:] for line in text.splitlines() if line.startswith(("tc qdisc", "tc class"))]
    lines = lines or [line for line in text.splitlines() if line.startswith(("qdisc ", "class "))]
    for number, one in enumerate(wanted["changes"]["htb_classes"]):
        where = f"filter add dev {IFACE} parent 1: protocol ip pref {1 + number // GROUP}"
        lines.append(f"{where} u32 match ip dst {one['match'][0]['dst']} flowid {one['classid']}")
    return "".join(f"{line}\n" for line in lines)


Spent = tuple[float, float]  # seconds by the clock, and of processor time, children included


def run(argv: list[str], stdin: str = "") -> tuple[Spent, str]:
    """Run a whole process that has to succeed; return what it took and its standard output."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(argv, input=stdin, check=False, capture_output=True, text=True, env=environment)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{argv[0]} failed ({done.returncode}): {done.stderr[-2000:]}")
    return (seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), done.stdout


def apply(asked: str, status: str, operations: int | None = None) -> Spent:
    """Run the entry as a fresh process, see that it reports what it should, and return what it took."""
    seconds, text = run([sys.executable, "-c", ENTRY], asked)
    report = json.loads(text)["report"]
    if report["status"] != status or (operations is not None and len(report["operations"]) != operations):
        sys.exit(f"expected {status}: {json.dumps(report)[:2000]}")
    return seconds


def clear() -> None:
    """Leave nothing of a round behind."""
    run(["sh", "-c", f"tc qdisc del dev {IFACE} root 2>/dev/null; nft delete table inet netopt 2>/dev/null; true"])
    for folder in FOLDERS:
        for each in Path(folder).iterdir():
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink()


def measure(classes: int, shapes: int, runs: int) -> dict[str, Any]:
    """Return the times (s, medians) and the ratios to the batch: by the clock, and of processor time (``cpu``)."""
    from mcp_bridge.planning.checked_plan import check  # noqa: PLC0415
    from mcp_bridge.policy import load_policy  # noqa: PLC0415

    wanted, other = plan(classes, shapes), plan(classes, shapes, changed=classes // 2)
    lines = batch(wanted, check(wanted, load_policy()).rendered.tc_script)
    asked, changed = request(wanted), request(other)
    times: dict[str, list[Spent]] = {"batch": [], "cold": [], "one": [], "same": []}
    for _round in range(runs):
        times["batch"].append(run(["tc", "-batch", "-"], lines)[0])
        clear()
        times["cold"].append(apply(asked, "applied"))
        times["one"].append(apply(changed, "applied", operations=1))
        times["same"].append(apply(changed, "unchanged"))
        clear()
    found: dict[str, Any] = {"classes": classes, "shapes": shapes, "runs": runs}
    for place, kind in enumerate(("", "cpu_")):
        for name, each in times.items():
            found[f"{name}_{kind}s"] = round(statistics.median(one[place] for one in each), 3)
        for name in ("cold", "one", "same"):
            pairs = zip(times[name], times["batch"], strict=True)
            found[f"{name}_{kind}ratio"] = round(statistics.median(a[place] / b[place] for a, b in pairs), 3)
    return found


def main() -> None:
    """Measure each size in a namespace of its own and print one line of JSON for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, nargs="+", default=[1000, 10000])
    parser.add_argument("--shapes", type=int, default=50, help="different rates among the classes")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    if INSIDE not in os.environ:
        with tempfile.TemporaryDirectory(prefix="netopt-trees-") as folder:
            environment = {**os.environ, INSIDE: folder, "PYTHONPATH": str(REPOSITORY)}
            argv = ["unshare", "--net", "--mount", sys.executable, __file__, *sys.argv[1:]]
            sys.exit(subprocess.run(argv, env=environment, check=False).returncode)
    for number, folder in enumerate(FOLDERS):  # on the disk, so that syncing costs what it costs
        Path(folder).mkdir(parents=True, exist_ok=True)
        mine = Path(os.environ[INSIDE], str(number))
        mine.mkdir()
        run(["mount", "--bind", str(mine), folder])
    run(["ip", "link", "add", IFACE, "type", "veth", "peer", "name", "peer0"])
    run(["sh", "-c", f"ip link set {IFACE} up; ip link set peer0 up; mount -t sysfs none /sys"])
    for classes in options.classes:
        print(json.dumps(measure(classes, options.shapes, options.runs)), flush=True)


if __name__ == "__main__":
    main()
