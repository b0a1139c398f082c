#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: MTU and offloads of interfaces."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_link
short_description: Set MTU and offloads of interfaces, or leave both as they were
version_added: 0.1.0
description:
  - Sets the MTU and the offloads of interfaces in the running kernel, all of it or none of it.
  - An offload that the driver has fixed, and an MTU that the device does not take, are found before anything is
    changed. When a step fails, everything that the kernel changed along is put back, such as the MTU of VLANs on the
    interface, offloads that depend on others, and the IPv6 addresses and routes that an MTU under 1280 removes.
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
      - Which offloads are to be on or off, by their short names in C(ethtool -K). Those left out stay as they are.
    type: dict
    suboptions:
      rx:
        description: Checksums of received packets.
        type: bool
      tx:
        description: Checksums of sent packets.
        type: bool
      sg:
        description: Scatter-gather.
        type: bool
      tso:
        description: TCP segmentation.
        type: bool
      gso:
        description: Generic segmentation.
        type: bool
      gro:
        description: Generic receive.
        type: bool
      lro:
        description: Large receive; not for hosts that forward.
        type: bool
      rxvlan:
        description: VLAN tags of received packets.
        type: bool
      txvlan:
        description: VLAN tags of sent packets.
        type: bool
      ntuple:
        description: Receive filters.
        type: bool
      rxhash:
        description: Receive hashing.
        type: bool
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

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.interfaces import host_interfaces
from ansible_collections.netopt.linux.plugins.module_utils._common.report import FAILED, HostReport, as_result
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._host.facts import gather
from ansible_collections.netopt.linux.plugins.module_utils._link import kernel as link_kernel
from ansible_collections.netopt.linux.plugins.module_utils._link import subsystem as link_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem

OFFLOADS = ("rx", "tx", "sg", "tso", "gso", "gro", "lro", "rxvlan", "txvlan", "ntuple", "rxhash")


def main() -> None:
    """Set MTU and offloads."""
    module = AnsibleModule(
        argument_spec={
            "iface": {"type": "list", "elements": "str", "required": True},
            "mtu": {"type": "int"},
            "offloads": {"type": "dict", "options": {name: {"type": "bool"} for name in OFFLOADS}},
        },
        required_one_of=[("mtu", "offloads")],
        supports_check_mode=True,
    )
    offloads = {name: on for name, on in (module.params["offloads"] or {}).items() if on is not None}
    changes = {"offloads": offloads}
    if module.params["mtu"] is not None:
        changes["mtu"] = module.params["mtu"]
    try:
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
