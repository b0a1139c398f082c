#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: MTU, offloads and queues of interfaces."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_link
short_description: Set MTU, offloads and queues of interfaces, or leave all as they were
version_added: 0.1.0
description:
  - Sets MTU, offloads and queues of interfaces in the running kernel, all of it or none of it.
  - An offload that the driver has fixed, an MTU that the device does not take, and rings or other settings that it
    lacks, are found before anything is changed. When a step fails, everything that the kernel changed along is put
    back, such as the MTU of VLANs on the interface, offloads that depend on others, and the IPv6 addresses and routes
    that an MTU under 1280 removes.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    platforms: linux
options:
  iface:
    description:
      - The interfaces. V(auto) is that of the default route, or all where several default routes are equal. A glob such
        as V(en*) is all that match.
    type: list
    elements: str
    required: true
  mtu:
    description:
      - Largest packet that the interface sends, in bytes.
    type: int
  offloads:
    description:
      - Which features of the device are to be on or off, by the short name that C(ethtool -K) takes, such as V(gro), or
        by the kernel's, such as V(tx-udp-segmentation). Those left out stay as they are.
    type: dict
  nic:
    description:
      - Queues of the device, by the words of C(ethtool). A device without one of them is refused before anything is
        changed. In C(rings) and C(channels) V(max) is as many as the device can.
    type: dict
    suboptions:
      rings:
        description: Packets that the device keeps, or V(max).
        type: dict
        suboptions:
          rx:
            description: Received packets.
            type: str
          tx:
            description: Packets to send.
            type: str
          rx_mini:
            description: Received small packets.
            type: str
          rx_jumbo:
            description: Received large packets.
            type: str
      coalesce:
        description: When it raises an interrupt.
        type: dict
        suboptions:
          adaptive_rx:
            description: The driver adapts it to what arrives.
            type: bool
          adaptive_tx:
            description: The driver adapts it to what leaves.
            type: bool
          cqe_mode_rx:
            description: Time counts from the last packet received.
            type: bool
          cqe_mode_tx:
            description: Time counts from the last packet sent.
            type: bool
          rx_usecs:
            description: Delay after a packet has arrived, microseconds.
            type: int
          rx_frames:
            description: Packets that arrive before it.
            type: int
          rx_usecs_irq:
            description: The same while an interrupt is served.
            type: int
          rx_frames_irq:
            description: The same while an interrupt is served.
            type: int
          tx_usecs:
            description: Delay after a packet was sent, microseconds.
            type: int
          tx_frames:
            description: Packets that are sent before it.
            type: int
          tx_usecs_irq:
            description: The same while an interrupt is served.
            type: int
          tx_frames_irq:
            description: The same while an interrupt is served.
            type: int
          stats_block_usecs:
            description: Between two writings of statistics, microseconds.
            type: int
          pkt_rate_low:
            description: Packets per second below which the words in low hold.
            type: int
          rx_usecs_low:
            description: Of adaptive coalescing, at a low rate.
            type: int
          rx_frames_low:
            description: Of adaptive coalescing, at a low rate.
            type: int
          tx_usecs_low:
            description: Of adaptive coalescing, at a low rate.
            type: int
          tx_frames_low:
            description: Of adaptive coalescing, at a low rate.
            type: int
          pkt_rate_high:
            description: Packets per second above which the words in high hold.
            type: int
          rx_usecs_high:
            description: Of adaptive coalescing, at a high rate.
            type: int
          rx_frames_high:
            description: Of adaptive coalescing, at a high rate.
            type: int
          tx_usecs_high:
            description: Of adaptive coalescing, at a high rate.
            type: int
          tx_frames_high:
            description: Of adaptive coalescing, at a high rate.
            type: int
          sample_interval:
            description: Between two looks at the rate, seconds.
            type: int
          tx_aggr_max_bytes:
            description: Bytes that are sent in one transfer.
            type: int
          tx_aggr_max_frames:
            description: Packets that are sent in one transfer.
            type: int
          tx_aggr_time_usecs:
            description: Wait for more to send in one transfer, microseconds.
            type: int
      channels:
        description: Its queues, or V(max).
        type: dict
        suboptions:
          combined:
            description: Queues both ways.
            type: str
          rx:
            description: Queues of what arrives.
            type: str
          tx:
            description: Queues of what leaves.
            type: str
          other:
            description: Others, as for the link's state.
            type: str
      pause:
        description: Pause frames of Ethernet.
        type: dict
        suboptions:
          autoneg:
            description: Both ends agree on them.
            type: bool
          rx:
            description: Heed those that arrive.
            type: bool
          tx:
            description: Send them where rings are full.
            type: bool
      txqueuelen:
        description: Packets that wait in a default queue of the kernel.
        type: int
      promisc:
        description: Whether the interface takes in frames that are for others.
        type: bool
  steering:
    description:
      - Which CPUs work on packets (RPS, XPS), the same for all queues of an interface. CPUs are a list such as
        V(0-3,8), V(all) that are online, those of the device's node by V(numa), or V(none).
    type: dict
    suboptions:
      rps_cpus:
        description: CPUs that what arrives is spread over.
        type: str
      rps_flow_cnt:
        description: Flows that each receive queue remembers the CPU of.
        type: int
      xps_cpus:
        description: CPUs that may use a transmit queue.
        type: str
notes:
  - The settings do not outlast a restart. M(netopt.linux.netopt_apply) makes them persistent, and watches over them
    until they are confirmed.
seealso:
  - module: netopt.linux.netopt_apply
"""

EXAMPLES = r"""
- name: Merge received packets, and send in larger frames
  netopt.linux.netopt_link:
    iface: eth0
    mtu: 9000
    offloads:
      gro: true

- name: Make rings as long as the device can, and interrupt early
  netopt.linux.netopt_link:
    iface: eth0
    nic:
      rings:
        rx: max
        tx: max
      coalesce:
        adaptive_rx: false
        rx_usecs: 3

- name: Spread packets of a device with one queue over all CPUs
  netopt.linux.netopt_link:
    iface: eth0
    steering:
      rps_cpus: all

- name: Turn off large receive offload where packets are forwarded
  netopt.linux.netopt_link:
    iface:
      - eth0
      - eth1
    offloads:
      lro: false
"""

RETURN = r"""
report:
  description:
    - What was done, in the shape of one host's report of a plan.
  returned: always
  type: dict
  sample:
    status: applied
    changed: true
    diff:
      - subsystem: link
        key: eth0 mtu
        before: "1500"
        after: "9000"
    operations:
      - command: ip link set dev eth0 mtu 9000
        ok: true
    skipped: []
    warnings: []
    checkpoint_id: null
    measurements: null
    error: null
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.interfaces import host_interfaces
from ansible_collections.netopt.linux.plugins.module_utils._common.report import FAILED, HostReport, as_result
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.facts import gather
from ansible_collections.netopt.linux.plugins.module_utils._link import kernel as link_kernel
from ansible_collections.netopt.linux.plugins.module_utils._link import subsystem as link_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._plan.form import set_only
from ansible_collections.netopt.linux.plugins.module_utils._plan.nic_words import (
    CHANNELS,
    COALESCE_FLAGS,
    COALESCE_NUMBERS,
    PAUSE,
    RINGS,
    with_counts,
)
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem

WHOLE = {"type": "int"}
FLAG = {"type": "bool"}
TEXT = {"type": "str"}
NIC = {
    "rings": {"type": "dict", "options": dict.fromkeys(RINGS, TEXT)},
    "coalesce": {
        "type": "dict",
        "options": {**dict.fromkeys(COALESCE_FLAGS, FLAG), **dict.fromkeys(COALESCE_NUMBERS, WHOLE)},
    },
    "channels": {"type": "dict", "options": dict.fromkeys(CHANNELS, TEXT)},
    "pause": {"type": "dict", "options": dict.fromkeys(PAUSE, FLAG)},
    "txqueuelen": WHOLE,
    "promisc": FLAG,
}
STEERING = {"rps_cpus": TEXT, "rps_flow_cnt": WHOLE, "xps_cpus": TEXT}


def flag(name: str, value: object) -> bool:
    """Return whether a feature is to be on, as Ansible reads what is written.

    Raises:
        NetoptError: it is neither on nor off.
    """
    try:
        return bool(boolean(value))
    except TypeError:
        path = f"offloads.{name}"
        raise NetoptError(f"{path} is {value!r}, wanted true or false", stage="plan", key=path) from None


def main() -> None:
    """Set MTU, offloads and queues."""
    module = AnsibleModule(
        argument_spec={
            "iface": {"type": "list", "elements": "str", "required": True},
            "mtu": {"type": "int"},
            "offloads": {"type": "dict"},
            "nic": {"type": "dict", "options": NIC},
            "steering": {"type": "dict", "options": STEERING},
        },
        required_one_of=[("mtu", "offloads", "nic", "steering")],
        supports_check_mode=True,
    )
    changes = set_only({name: module.params[name] for name in ("mtu", "offloads", "nic", "steering")})
    try:
        changes["offloads"] = {name: flag(name, on) for name, on in changes.get("offloads", {}).items()}
        for group in ("rings", "channels"):
            with_counts(changes.get("nic", {}).get(group, {}), f"nic.{group}")
        intent = link_subsystem.intent(changes, host_interfaces(module.params["iface"], gather()))
    except NetoptError as error:
        report = HostReport()
        report.fail(FAILED, error)
    else:
        report = run_subsystem(link_subsystem, link_kernel, intent, tools=Tools(), check=module.check_mode)
    result = as_result(report, diff_mode=module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
