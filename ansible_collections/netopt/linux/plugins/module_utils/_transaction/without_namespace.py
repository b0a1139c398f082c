# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be done for a plan on a host where no scratch network namespace can be made: checks, and the real thing.

Without a rehearsal nobody knows the kernel's own form of what is wanted before it is made. So what can be checked is
checked, what is asked is made on the host under the eyes of the guard, and what is read back then is what was wanted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._common.files import text_of
from .._subsystems.table import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .._host.commands import Tools
    from .._tc.intent import Intent as TcIntent

MODULES = "/lib/modules"
LISTS = ("modules.builtin", "modules.dep")


def check(intents: Mapping[str, Any], tools: Tools) -> None:
    """Find out what can be found out without making anything: whether nft takes the rules, and which kinds there are.

    Args:
        intents: ``{subsystem: intent}`` of those that would be rehearsed.
        tools: to run nft with.

    Raises:
        NetoptError: the kernel or nft would refuse the plan.
    """
    if "tc" in intents:
        for module, what in needed(intents["tc"]):
            if is_available(module) is False:
                raise NetoptError(
                    f"{what} cannot be made: this kernel has no {module}",
                    stage="rehearse",
                    key=what,
                    wanted=module,
                    after="neither built in nor among the modules of the running kernel",
                    hint="Install the kernel's package with its extra modules, or choose something else. "
                    "Nothing was changed.",
                )
    if "nft" in intents:
        from .._nft.kernel import check as check_rules  # noqa: PLC0415

        check_rules(intents["nft"], tools)


def needed(intent: TcIntent) -> Iterator[tuple[str, str]]:
    """Yield the kernel module that each command takes, and what the command makes."""
    from .._tc.commands import commands  # noqa: PLC0415

    for iface in intent.ifaces:
        for one in commands(intent, iface):
            if one.words[:2] == ("tc", "qdisc") and one.words[2] != "del":
                yield f"sch_{kind_of(one.words)}", one.key
            elif one.words[:2] == ("tc", "filter"):
                yield "cls_u32", one.key
            elif one.words[:3] == ("ip", "link", "add"):
                yield one.words[-1], one.key


def kind_of(words: Sequence[str]) -> str:
    """Return the kind in ``tc qdisc VERB dev NAME [root | parent X] [handle X] KIND``."""
    place = 5
    for word, length in (("root", 1), ("parent", 2), ("handle", 2)):
        if words[place] == word:
            place += length
    return words[place]


def is_available(module: str, *, folder: str | None = None) -> bool | None:
    """Return whether the running kernel has a module or has it built in; ``None`` where that cannot be told.

    Args:
        module: its name, with underscores.
        folder: where the lists of the kernel's modules are; those of the running one by default.
    """
    if os.path.isdir(f"/sys/module/{module}"):
        return True
    folder = folder or os.path.join(MODULES, os.uname().release)
    try:
        listed = [text_of(os.path.join(folder, name)) for name in LISTS]
    except OSError:
        return None
    names = {
        os.path.basename(line.partition(":")[0]).partition(".ko")[0].replace("-", "_")
        for text in listed
        for line in text.splitlines()
    }
    # the simple queues have no module of their own: they come with the scheduler
    return module in names or module in {"sch_pfifo", "sch_bfifo", "sch_pfifo_fast", "sch_noqueue", "sch_mq"}


def make(name: str, intent: Any, current: Any, tools: Tools) -> Any:
    """Make what an intent asks for on the host itself, and return the state that is there then.

    Raises:
        NetoptError: stage ``apply``; the host may be half way, whoever calls this restores it.
    """
    kernel = TABLE[name].kernel
    try:
        return getattr(kernel, "force", kernel.resolve)(intent, current, tools)
    except NetoptError as error:
        error.stage = "apply"
        raise
