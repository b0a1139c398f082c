# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a command that tc or the kernel refuses means, and what to do about it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._common.errors import NetoptError

if TYPE_CHECKING:
    from .command import Command

_CONFIG = {
    "fq": "NET_SCH_FQ",
    "fq_codel": "NET_SCH_FQ_CODEL",
    "cake": "NET_SCH_CAKE",
    "sfq": "NET_SCH_SFQ",
    "netem": "NET_SCH_NETEM",
    "prio": "NET_SCH_PRIO",
    "htb": "NET_SCH_HTB",
    "tbf": "NET_SCH_TBF",
    "ingress": "NET_SCH_INGRESS",
}


def complaint(stderr: str) -> str:
    """Return the line of a tool's error output that says what is wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith("Warning:")]
    said = [line for line in lines if line.startswith(("Error:", "RTNETLINK answers:"))]
    text = (said or lines or ["it failed without a word"])[0]
    return text.replace("Error: ", "").replace("RTNETLINK answers: ", "")


def refused_command(batch: list[Command], stderr: str, stage: str) -> NetoptError:
    """Return the error for a batch that tc gave up."""
    place = stderr.rpartition("Command failed -:")[2].split("\n")[0].strip()
    one = batch[int(place) - 1] if place.isdigit() and int(place) <= len(batch) else batch[0]
    said = complaint(stderr)
    return NetoptError(
        f"{one.key}: {said}", stage=stage, key=one.key, wanted=" ".join(one.words), after=said, hint=_hint(one, said)
    )


def _hint(one: Command, said: str) -> str:
    """Return what to do about a refused command."""
    if "distribution data" in said:
        return "this host lacks that table: install the whole package of iproute2, or leave netem.distribution out."
    if one.words[1] == "qdisc" and ("kind is unknown" in said or "No such file" in said or "Unknown qdisc" in said):
        kind = one.key.rpartition(" ")[2]
        return (
            f"this kernel has no {kind} qdisc: install the package with its extra modules, or a kernel with "
            f"CONFIG_{_CONFIG.get(kind, 'NET_SCH_' + kind.upper())} (module sch_{kind}), or choose another qdisc."
        )
    if "classifier" in said or ("No such file" in said and one.words[1] == "filter"):
        return "this kernel has no u32 classifier or mirred action (CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED)."
    if said.startswith(("Illegal", "What is", "Unknown")) or "option" in said:
        return "this version of tc does not know a parameter of the plan: leave it out, or install a newer iproute2."
    return "the kernel refused this in the rehearsal: correct the value in the plan."
