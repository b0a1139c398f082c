# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of sysctl keys in a policy: families of them, and those that no card may cover, with the reason."""

from __future__ import annotations

import fnmatch
import re

from mcp_bridge.collection.keys import IFACE, canonical, family

__all__ = ["IFACE", "canonical", "card_id", "family", "key_problem", "refused"]

TREES = ("net", "vm", "fs", "kernel")

_PROGRAM = "it names a program that the kernel runs"
_CODE = "it decides what code the kernel takes in, or is closed once it is set"
_MEMORY = "it opens memory that is not the reader's own"
_ACTION = "writing it is an action, not a setting: there is nothing to verify and nothing to roll back"
_READ_ONLY = "the kernel offers it for reading only"
_SECRET = "it holds a secret, which plans, checkpoints and the audit log would keep in plain text"  # noqa: S105  # not one

REFUSED: dict[str, str] = {
    "kernel.core_pattern": _PROGRAM,
    "kernel.core_pipe_limit": _PROGRAM,
    "kernel.hotplug": _PROGRAM,
    "kernel.modprobe": _PROGRAM,
    "kernel.poweroff_cmd": _PROGRAM,
    "kernel.usermodehelper.*": _PROGRAM,
    "fs.binfmt_misc.*": _PROGRAM,
    "kernel.modules_disabled": _CODE,
    "kernel.kexec_*": _CODE,
    "kernel.unprivileged_bpf_disabled": _CODE,
    "kernel.tainted": _CODE,
    "kernel.firmware_config.*": _CODE,
    "kernel.ftrace*": _CODE,
    "kernel.kprobes*": _CODE,
    "kernel.dmesg_restrict": _MEMORY,
    "kernel.kptr_restrict": _MEMORY,
    "kernel.perf_event_paranoid": _MEMORY,
    "kernel.perf_user_access": _MEMORY,
    "kernel.randomize_va_space": _MEMORY,
    "kernel.sysrq": _MEMORY,
    "kernel.yama.*": _MEMORY,
    "fs.suid_dumpable": _MEMORY,
    "fs.protected_*": _MEMORY,
    "vm.mmap_min_addr": _MEMORY,
    "vm.unprivileged_userfaultfd": _MEMORY,
    "net.core.bpf_jit_kallsyms": _MEMORY,
    "kernel.ns_last_pid": _ACTION,
    "vm.compact_memory": _ACTION,
    "vm.drop_caches": _ACTION,
    "net.ipv4.route.flush": _ACTION,
    "net.ipv6.route.flush": _ACTION,
    "net.ipv4.tcp_fastopen_key": _SECRET,
    "net.ipv6.conf.*.stable_secret": _SECRET,
    "kernel.random.*": _READ_ONLY,
    "kernel.keys.*": "it bounds the keyrings of users, which is other tools' work",
    "net.core.netdev_rss_key": _READ_ONLY,
    "net.ipv4.conf.*.mc_forwarding": _READ_ONLY,
    "net.ipv6.conf.*.mc_forwarding": _READ_ONLY,
    "net.ipv4.tcp_available_*": _READ_ONLY,
    "net.ipv4.tcp_ehash_entries": _READ_ONLY,
    "net.ipv4.udp_hash_entries": _READ_ONLY,
    "net.mptcp.available_*": _READ_ONLY,
    "net.netfilter.nf_conntrack_count": _READ_ONLY,
    "net.netfilter.nf_hooks_lwtunnel": "it cannot be turned off again, so no rollback could bring it back",
}
"""Keys, as shell patterns, that no card may cover, each with the reason."""

_REFUSED = re.compile("|".join(map(fnmatch.translate, REFUSED)))
_KEY = re.compile(r"[a-z0-9_]+(?:\.(?:\{iface\}|[A-Za-z0-9_@:%+,/-]+))+")


def refused(key: str) -> str | None:
    """Return why no card may cover a key, ``None`` where one may.

    Args:
        key: in its canonical spelling; ``{iface}`` in it stands for any interface.
    """
    if not _REFUSED.match(key):  # one pattern for all: hundreds of keys are looked at whenever a policy is read
        return None
    return next(reason for pattern, reason in REFUSED.items() if fnmatch.fnmatchcase(key, pattern))


def key_problem(key: str) -> str | None:
    """Return what is wrong with a key, or a family of keys, that a card is to cover; ``None`` when nothing is."""
    tree = key.partition(".")[0]
    if not _KEY.fullmatch(key):
        return f"{key!r} is not a dotted sysctl key such as net.core.rmem_max"
    if tree not in TREES:
        return f"{key} lies below {tree}.; a card may cover keys below {', '.join(f'{name}.' for name in TREES)}"
    if IFACE in key and family(key.replace(IFACE, "eth0", 1)) != key:
        return f"{IFACE} stands where an interface has keys, as in net.ipv4.conf.{IFACE}.rp_filter"
    if canonical(key.replace(IFACE, "eth0")).replace("eth0", IFACE if IFACE in key else "eth0") != key:
        return f"Write the key as {canonical(key)}"
    reason = refused(key)
    return f"No card may cover {key}: {reason}" if reason else None


def card_id(key: str) -> str:
    """Return the id of a card of one key: ``sysctl.vm_min_free_kbytes`` for ``vm.min_free_kbytes``."""
    words = re.sub(r"[^a-z0-9]+", "_", key.replace(IFACE, "iface").removeprefix("net.").lower()).strip("_")
    return f"sysctl.{words}"
