# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who else sets the settings of a plan: what files of sysctl.d, systemd, NetworkManager and TuneD say of them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._common.errors import NetoptError
from .._link.nic import said
from .._plan.feature_names import long_name
from .._plan.nic_words import NIC, flat
from .._sysctl.keys import canonical, same

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Sections = list[tuple[str, list[tuple[str, str]]]]

# systemd.link(5): the names of offloads there, by the plan's short names
LINK_OFFLOADS = {
    "GenericSegmentationOffload": "gso",
    "TCPSegmentationOffload": "tso",
    "GenericReceiveOffload": "gro",
    "GenericReceiveOffloadHardware": "rx-gro-hw",
    "LargeReceiveOffload": "lro",
    "ReceiveChecksumOffload": "rx",
    "TransmitChecksumOffload": "tx",
}
# systemd.link(5): the settings of queues there, by the plan's flat names; delays are times with units there
LINK_QUEUES = {
    "RxBufferSize": "rings.rx",
    "RxMiniBufferSize": "rings.rx_mini",
    "RxJumboBufferSize": "rings.rx_jumbo",
    "TxBufferSize": "rings.tx",
    "RxChannels": "channels.rx",
    "TxChannels": "channels.tx",
    "OtherChannels": "channels.other",
    "CombinedChannels": "channels.combined",
    "RxFlowControl": "pause.rx",
    "TxFlowControl": "pause.tx",
    "AutoNegotiationFlowControl": "pause.autoneg",
    "UseAdaptiveRxCoalesce": "coalesce.adaptive_rx",
    "UseAdaptiveTxCoalesce": "coalesce.adaptive_tx",
    "RxMaxCoalescedFrames": "coalesce.rx_frames",
    "TxMaxCoalescedFrames": "coalesce.tx_frames",
    "TransmitQueueLength": "txqueuelen",
}
# nm-settings-nmcli(5), ethtool: what begins the names of the groups there
PROFILE_GROUPS = {"ring": "rings", "coalesce": "coalesce", "channels": "channels", "pause": "pause"}
# systemd.network(5): sections that set queueing disciplines or their classes
QDISC_SECTIONS = (
    *("QDisc", "NetworkEmulator", "TokenBucketFilter", "PIE", "FlowQueuePIE", "StochasticFairBlue", "BFIFO", "PFIFO"),
    *("StochasticFairnessQueueing", "PFIFOHeadDrop", "PFIFOFast", "CAKE", "ControlledDelay", "HeavyHitterFilter"),
    *("DeficitRoundRobinScheduler", "DeficitRoundRobinSchedulerClass", "EnhancedTransmissionSelection", "BandMultiQ"),
    *("GenericRandomEarlyDetection", "FairQueueingControlledDelay", "FairQueueing", "TrivialLinkEqualizer"),
    *("HierarchyTokenBucket", "HierarchyTokenBucketClass", "QuickFairQueueing", "QuickFairQueueingClass"),
)
QDISC_CHANGES = ("qdisc", "shaper", "ingress", "htb_classes", "netem")
_WORDS = {"yes": "on", "true": "on", "1": "on", "on": "on", "no": "off", "false": "off", "0": "off", "off": "off"}


def assignments(text: str) -> list[tuple[str, str]]:
    """Return ``(key, value)`` of each line of a sysctl.d file, keys as ``_sysctl.keys.canonical`` spells them.

    Patterns are left out: systemd applies them only to keys that no file names.
    """
    found = []
    for line in text.splitlines():
        key, equals, value = line.strip().lstrip("-").partition("=")
        if not equals or line.strip()[:1] in ("#", ";") or "*" in key:
            continue
        try:
            found.append((canonical(key.strip()), value.strip()))
        except NetoptError:  # no key at all: systemd leaves it out as well
            continue
    return found


def overriding(
    files: Iterable[tuple[str, str, str]], wanted: Mapping[str, str], *, after: str
) -> list[tuple[str, str, str]]:
    """Return ``(key, value, path)`` of what files set in the end to another value than wanted.

    Args:
        files: ``(name, path, text)`` of the files that are read at boot, one for each name.
        wanted: the values by key.
        after: the name of the file that sets them; only those that sort after it can win.
    """
    last: dict[str, tuple[str, str]] = {}
    for name, path, text in sorted(files):
        if name > after:
            last.update({key: (value, path) for key, value in assignments(text) if key in wanted})
    return [(key, *found) for key, found in last.items() if not same(key, found[0], wanted[key])]


def sections(text: str) -> Sections:
    """Return a file of sections with ``key=value`` lines, as systemd, NetworkManager and TuneD have them."""
    found: Sections = []
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith("[") and line.endswith("]"):
            found.append((line[1:-1], []))
        elif found and "=" in line and line[0] not in "#;":
            key, _equals, value = line.partition("=")
            found[-1][1].append((key.strip(), value.strip()))
    return found


def value_of(found: Sections, section: str, key: str) -> str | None:
    """Return the last value of a key, ``None`` where there is none."""
    values = [value for name, pairs in found for name_of, value in pairs if (name, name_of) == (section, key)]
    return values[-1] if values else None


def networkd_settings(found: Sections) -> dict[str, str]:
    """Return what a .link or .network file sets: ``mtu``, ``qdisc``, offloads by short, queues by flat names."""
    settings: dict[str, str] = {}
    for section, pairs in found:
        if section in QDISC_SECTIONS:
            settings["qdisc"] = section
        for key, value in pairs if section == "Link" else ():
            if key == "MTUBytes":
                settings["mtu"] = value
            elif key in LINK_OFFLOADS or key in LINK_QUEUES:
                settings[LINK_OFFLOADS.get(key) or LINK_QUEUES[key]] = value
    return settings


def networkmanager_settings(found: Sections) -> dict[str, str]:
    """Return what a connection profile sets: ``mtu``, ``qdisc``, offloads by the kernel's, queues by flat names."""
    settings: dict[str, str] = {}
    for section, pairs in found:
        for key, value in pairs:
            if key == "mtu" and section in ("ethernet", "802-3-ethernet", "wifi", "infiniband") and value != "0":
                settings["mtu"] = value
            elif section == "ethtool" and key.startswith("feature-"):
                settings[key[len("feature-") :]] = value
            elif section == "ethtool" and key.partition("-")[0] in PROFILE_GROUPS:
                group, _dash, word = key.partition("-")
                settings[f"{PROFILE_GROUPS[group]}.{word.replace('-', '_')}"] = value
            elif section == "tc" and key.startswith("qdisc."):
                settings["qdisc"] = value
    return settings


def tuned_settings(found: Sections) -> dict[str, str]:
    """Return the sysctl keys that a TuneD profile sets; a value that it computes is given as written."""
    settings: dict[str, str] = {}
    for section, pairs in found:
        if section == "sysctl" or ("type", "sysctl") in pairs:
            settings.update(assignments("".join(f"{key}={value}\n" for key, value in pairs if key != "type")))
    return settings


def clashes(settings: Mapping[str, str], changes: Mapping[str, Any]) -> dict[str, str]:
    """Return those of the settings of an interface that the changes of a plan set as well, and to something else."""
    asked = {long_name(name): "on" if on else "off" for name, on in (changes.get("offloads") or {}).items()}
    asked.update({name: said(value) for name, value in flat(NIC, changes.get(NIC) or {}).items()})
    if "mtu" in changes:
        asked["mtu"] = str(changes["mtu"])
    if any(name in changes for name in QDISC_CHANGES):
        asked["qdisc"] = ""  # which of the two is in force is not for text to tell
    found = {name: name if name in asked else long_name(name) for name in settings}
    return {
        name: settings[name]
        for name, same_as in found.items()
        if same_as in asked and asked[same_as] not in (settings[name], _WORDS.get(settings[name].lower()))
    }
