# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of the features of a network interface: ethtool's short ones, those that it prints, and the kernel's. Pure."""

from __future__ import annotations

# ethtool(8): the short name of each feature and the name that ethtool -k prints
SHORT_NAMES = {
    "rx": "rx-checksumming",
    "tx": "tx-checksumming",
    "sg": "scatter-gather",
    "tso": "tcp-segmentation-offload",
    "ufo": "udp-fragmentation-offload",
    "gso": "generic-segmentation-offload",
    "gro": "generic-receive-offload",
    "lro": "large-receive-offload",
    "rxvlan": "rx-vlan-offload",
    "txvlan": "tx-vlan-offload",
    "ntuple": "ntuple-filters",
    "rxhash": "receive-hashing",
    "gro-hw": "rx-gro-hw",
    "gro-list": "rx-gro-list",
    "udp-gro-forwarding": "rx-udp-gro-forwarding",
}
# net/ethtool/common.c, netdev_features_strings: what ethtool prints under an older name
_PRINTED = {
    "rx-checksum": "rx-checksumming",
    "tx-generic-segmentation": "generic-segmentation-offload",
    "rx-gro": "generic-receive-offload",
    "rx-lro": "large-receive-offload",
    "rx-vlan-hw-parse": "rx-vlan-offload",
    "tx-vlan-hw-insert": "tx-vlan-offload",
    "rx-ntuple-filter": "ntuple-filters",
    "rx-hashing": "receive-hashing",
}
# the same, of features that have no short name and are not for the kernel alone to set
KERNEL_NAMES = (
    *("tx-scatter-gather", "tx-scatter-gather-fraglist", "tx-checksum-ipv4", "tx-checksum-ip-generic"),
    *("tx-checksum-ipv6", "tx-checksum-fcoe-crc", "tx-checksum-sctp", "tx-tcp-segmentation", "tx-tcp6-segmentation"),
    *("tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation", "tx-tcp-accecn-segmentation", "tx-gso-partial"),
    *("tx-gso-list", "tx-gso-robust", "tx-fcoe-segmentation", "tx-gre-segmentation", "tx-gre-csum-segmentation"),
    *("tx-ipxip4-segmentation", "tx-ipxip6-segmentation", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation"),
    *("tx-tunnel-remcsum-segmentation", "tx-sctp-segmentation", "tx-esp-segmentation", "tx-udp-segmentation"),
    *("tx-nocache-copy", "tx-vlan-stag-hw-insert", "rx-vlan-stag-hw-parse", "rx-vlan-filter", "rx-vlan-stag-filter"),
    *("rx-fcs", "rx-all", "rx-udp_tunnel-port-offload", "highdma", "loopback", "l2-fwd-offload", "hw-tc-offload"),
    *("esp-hw-offload", "esp-tx-csum-hw-offload", "tls-hw-tx-offload", "tls-hw-rx-offload", "tls-hw-record"),
    *("macsec-hw-offload", "hsr-tag-ins-offload", "hsr-tag-rm-offload", "hsr-fwd-offload", "hsr-dup-offload"),
)
_WITH_UNDERSCORE = {name.replace("_", "-"): name for name in KERNEL_NAMES if "_" in name}
_SHORT_OF = {long: short for short, long in SHORT_NAMES.items()}


def long_name(name: str) -> str:
    """Return the name that ``ethtool -k`` prints for a short name or the kernel's own; other names stay."""
    dashed = name.replace("_", "-")
    if name in SHORT_NAMES or dashed in SHORT_NAMES:
        return SHORT_NAMES.get(name) or SHORT_NAMES[dashed]
    return _PRINTED.get(dashed) or _WITH_UNDERSCORE.get(dashed) or (name if "_tnl" in name else dashed)


def plan_name(name: str) -> str:
    """Return the one name that a plan has for a feature: ethtool's short one where there is one."""
    long = long_name(name)
    return _SHORT_OF.get(long, long)


def is_known(name: str) -> bool:
    """Return whether a feature of this name is known; a kernel may have newer ones."""
    return plan_name(name) in SHORT_NAMES or plan_name(name) in KERNEL_NAMES
