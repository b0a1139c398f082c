# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the bounds of the shipped policy into the collection, for ``netopt_apply`` where nobody asks the policy.

Run it with the project's Python after a change of ``policy/``; a test says where it is due.
"""

from __future__ import annotations

import pprint
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcp_bridge.policy import Policy, load_policy

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "ansible_collections/netopt/linux/plugins/plugin_utils/_shipped_bounds.py"
HEADER = '''\
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bounds of the policy that is shipped with this collection; made by ``tools/shipped_bounds.py``."""

from __future__ import annotations

'''
COUNTED = ("htb_classes", "dscp", "connection_limits", "rate_limits", "nat_rules")


def bounds(policy: Policy) -> dict[str, Any]:
    """Return the ranges and sizes of a policy as plain data."""
    limits = policy.validation_limits
    counts = (limits.max_classes, limits.max_dscp_rules, limits.max_connection_limits, limits.max_rate_limits)
    return {
        "RANGES": {name: _range(span) for name, span in sorted(policy.limits.ranges.items()) if span.type != "bool"},
        "SIZES": {**dict(zip(COUNTED, (*counts, limits.max_nat_rules), strict=True)), "sysctl": limits.max_sysctl_keys},
    }


def _range(span: Any) -> Any:
    """Return least and most (and the bits), a list of them for a row, a list or set of words, or a pattern."""
    if span.type == "enum":
        return list(span.valid_values)
    if span.type == "words":
        return set(span.valid_values)
    if span.type == "text":
        return span.pattern
    if span.type == "row":
        return [(field.min, field.max) for field in span.fields]
    return (span.min, span.max, sum(span.bits)) if span.bits else (span.min, span.max)


def text(policy: Policy) -> str:
    """Return the file."""
    parts = (f"{name} = {pprint.pformat(value, width=100)}\n" for name, value in bounds(policy).items())
    return HEADER + "".join(parts)


if __name__ == "__main__":
    TARGET.write_text(text(load_policy(ROOT / "policy")), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", str(TARGET)], check=True)
