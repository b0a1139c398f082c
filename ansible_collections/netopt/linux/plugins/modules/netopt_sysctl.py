#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: sysctl keys."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_sysctl
short_description: Set kernel parameters, or leave all of them as they were
version_added: 0.1.0
description:
  - Sets the kernel parameters in O(values) in the running kernel, all of them or none of them.
  - What the kernel would refuse is found before anything is changed, as far as a parameter belongs to a network
    namespace. Each value is read back, since the kernel may bound or round it. When one fails, those that were set
    are put back, and with them the parameters that these reset, such as C(net.ipv4.conf.*.forwarding) by
    C(net.ipv4.ip_forward).
  - Values are compared as the kernel means them, so V(0x403) equals V(1027) and tabs equal spaces.
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
  values:
    description:
      - The value of each parameter.
      - A dot in the name of an interface is written as C(/) in a dotted parameter, as in
        C(net.ipv4.conf.eth0/100.rp_filter); C(net/ipv4/conf/eth0.100/rp_filter) is understood as well.
    type: dict
    required: true
  skippable:
    description:
      - Parameters that are left out where the kernel does not have them, each with the reason to report.
      - Any other parameter that is absent is an error.
    type: dict
    default: {}
  modules:
    description:
      - Kernel modules to load where a parameter is absent without them, by parameter.
      - Those of connection tracking and of bridges are known.
    type: dict
    default: {}
notes:
  - The values do not outlast a restart. M(netopt.linux.netopt_apply) makes them persistent, and watches over them until
    they are confirmed.
  - A module that was loaded here is unloaded again when a failure is undone, unless something has come to use it.
seealso:
  - module: netopt.linux.netopt_apply
"""

EXAMPLES = r"""
- name: Forward packets
  netopt.linux.netopt_sysctl:
    values:
      net.ipv4.ip_forward: 1

- name: Let TCP use larger buffers
  netopt.linux.netopt_sysctl:
    values:
      net.ipv4.tcp_rmem: 4096 131072 33554432
      net.ipv4.tcp_wmem: 4096 16384 33554432

- name: Set a parameter that newer kernels have dropped
  netopt.linux.netopt_sysctl:
    values:
      net.ipv4.tcp_low_latency: 1
    skippable:
      net.ipv4.tcp_low_latency: without effect since Linux 4.14
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
      - subsystem: sysctl
        key: net.ipv4.ip_forward
        before: "0"
        after: "1"
    operations:
      - command: sysctl -w net.ipv4.ip_forward=1
        ok: true
    skipped: []
    warnings: []
    checkpoint_id: null
    measurements: null
    error: null
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._common.errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._common.report import FAILED, HostReport, as_result
from ansible_collections.netopt.linux.plugins.module_utils._host.commands import Tools
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._sysctl import kernel as sysctl_kernel
from ansible_collections.netopt.linux.plugins.module_utils._sysctl import subsystem as sysctl_subsystem


def main() -> None:
    """Set the parameters."""
    module = AnsibleModule(
        argument_spec={
            "values": {"type": "dict", "required": True},
            "skippable": {"type": "dict", "default": {}},
            "modules": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        intent = sysctl_subsystem.intent(
            {"sysctl": module.params["values"]},
            skippable=module.params["skippable"],
            modules=module.params["modules"],
        )
    except NetoptError as error:
        report = HostReport()
        report.fail(FAILED, error)
    else:
        report = run_subsystem(sysctl_subsystem, sysctl_kernel, intent, tools=Tools(), check=module.check_mode)
    result = as_result(report, diff_mode=module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
