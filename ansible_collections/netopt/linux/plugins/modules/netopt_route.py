#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: metrics of routes that exist."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_route
short_description: Set metrics of routes that exist, or leave them as they were
version_added: 0.1.0
description:
  - Sets how TCP begins on connections by a route, in the running kernel, for all routes that are named or for none.
    Routes are neither made nor removed, and all else of a route stays as it is.
  - Change and rollback are tried in a scratch network namespace before a route is touched. A route is replaced by
    itself in one step, so connections by it go on.
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
      - The interfaces that the routes leave by. V(auto) is that of the default route, or all where several default
        routes are equal. A glob such as V(en*) is all that match.
    type: list
    elements: str
    required: true
  routes:
    description:
      - The routes by where they lead to, and their metrics. Those left out stay as they are.
    type: list
    elements: dict
    required: true
    suboptions:
      dst:
        description: >-
          V(default), of both families, or the network of a route in the main table. All routes to it through the
          interface are meant, whatever their priority.
        type: str
        required: true
      initcwnd:
        description: Segments that TCP sends before the first acknowledgement.
        type: int
      initrwnd:
        description: Segments that TCP offers to receive at first.
        type: int
      quickack:
        description: Acknowledge every segment at once.
        type: bool
      rto_min_ms:
        description: Least time until TCP sends again, in milliseconds.
        type: int
      congctl:
        description: Congestion control of connections by this route.
        type: str
notes:
  - The settings do not outlast a restart, nor a DHCP client that writes the route again; the report says who may.
    M(netopt.linux.netopt_apply) makes them persistent, and watches over them until they are confirmed.
seealso:
  - module: netopt.linux.netopt_apply
"""

EXAMPLES = r"""
- name: Begin with larger windows on connections by the default route
  netopt.linux.netopt_route:
    iface: auto
    routes:
      - dst: default
        initcwnd: 20
        initrwnd: 20

- name: Send again soon within the data centre
  netopt.linux.netopt_route:
    iface: eth1
    routes:
      - dst: 10.0.0.0/8
        rto_min_ms: 10
        congctl: dctcp
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
      - subsystem: route
        key: eth0 0.0.0.0/0 metric 100 initcwnd
        before: null
        after: "20"
    operations:
      - command: ip -4 route change 0.0.0.0/0 via 192.0.2.254 dev eth0 proto 16 scope 0 metric 100 initcwnd 20
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
from ansible_collections.netopt.linux.plugins.module_utils._route import kernel as route_kernel
from ansible_collections.netopt.linux.plugins.module_utils._route import subsystem as route_subsystem
from ansible_collections.netopt.linux.plugins.module_utils._subsystems.run_one import run_subsystem

METRICS = {"initcwnd": "int", "initrwnd": "int", "quickack": "bool", "rto_min_ms": "int", "congctl": "str"}


def main() -> None:
    """Set metrics of routes."""
    words = {"dst": {"type": "str", "required": True}, **{name: {"type": kind} for name, kind in METRICS.items()}}
    module = AnsibleModule(
        argument_spec={
            "iface": {"type": "list", "elements": "str", "required": True},
            "routes": {"type": "list", "elements": "dict", "required": True, "options": words},
        },
        supports_check_mode=True,
    )
    try:
        ifaces = host_interfaces(module.params["iface"], gather())
        intent = route_subsystem.intent({"routes": module.params["routes"]}, ifaces)
    except NetoptError as error:
        report = HostReport()
        report.fail(FAILED, error)
    else:
        report = run_subsystem(route_subsystem, route_kernel, intent, tools=Tools(), check=module.check_mode)
    result = as_result(report, diff_mode=module._diff)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
