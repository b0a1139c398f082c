# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Applies or rolls back in a process whose own reading of the kernel is blind to something.

It reads what is asked as JSON, ``blind_to`` with it, and prints the report.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ansible_collections.netopt.linux.plugins.module_utils._modules import checkpoint_states
from ansible_collections.netopt.linux.plugins.module_utils._nft import list_parse
from ansible_collections.netopt.linux.plugins.module_utils._tc import observe
from ansible_collections.netopt.linux.plugins.module_utils._transaction.request import request_of
from ansible_collections.netopt.linux.plugins.module_utils._transaction.transaction import Transaction

COMMENT = re.compile(r' comment "[^"]*"')


def _then(before: Callable[..., Any], change: Callable[[Any], Any]) -> Callable[..., Any]:
    """Return a function that changes what another one returns."""
    return lambda *given: change(before(*given))


BLIND: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "chains": (observe, "_standing_chains", lambda _found: []),
    "filters of preference 3": (observe, "_filters_at", lambda found: [one for one in found if one.info >> 16 != 3]),
    "size tables": (observe, "_parse", lambda one: replace(one, stab=None)),
    "comments of rules": (list_parse, "comparable", lambda text: COMMENT.sub("", text)),
    "comments to load": (list_parse, "loadable", lambda text: COMMENT.sub("", text)),
}


def main() -> None:
    """Apply a plan, or roll a checkpoint back, as standard input asks for."""
    asked = json.load(sys.stdin)
    for name in asked.pop("blind_to"):
        place, function, change = BLIND[name]
        setattr(place, function, _then(getattr(place, function), change))
    if "plan" in asked:
        report = Transaction(request_of(asked), on_operation=lambda _operation: None, boot_root="/").run()
    else:
        report = checkpoint_states.run(checkpoint_states.Request(**asked)).report
    print(json.dumps(report.as_dict()))


if __name__ == "__main__":
    main()
