#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: what a host is and what it has set."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_info
short_description: Read what a host is and what is set on it
version_added: 0.1.0
description:
  - Reads the facts by which profiles are adapted to a host, and the state of everything that netopt can change.
  - What cannot be read is V(null) and has a line in RV(problems); the rest is returned all the same.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
  - netopt.linux.attributes.info_module
attributes:
  platform:
    platforms: linux
options:
  gather:
    description:
      - What to read.
    type: list
    elements: str
    choices:
      - facts
      - link
      - tc
      - nft
      - sysctl
      - checkpoints
      - versions
      - beyond_defaults
      - devices
    default:
      - facts
      - link
      - tc
      - nft
      - sysctl
      - checkpoints
      - versions
  iface:
    description:
      - The interfaces of which to read V(link) and V(tc). V(auto) is that of the default route, or all where several
        default routes are equal. A glob such as V(en*) is all that match.
    type: list
    elements: str
    default:
      - auto
  sysctl:
    description:
      - The kernel parameters to read.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Read everything
  netopt.linux.netopt_info:
    sysctl:
      - net.ipv4.tcp_congestion_control
      - net.ipv4.tcp_rmem
  register: now

- name: Show the facts and the offloads of eth1 alone
  netopt.linux.netopt_info:
    gather:
      - facts
      - link
    iface: eth1
"""

RETURN = r"""
info:
  description: What was read, by the names in O(gather).
  returned: success
  type: dict
  contains:
    facts:
      description: Memory, cores, kernel, virtualisation, interfaces, installed tools.
      type: dict
      returned: when asked for
    link:
      description: MTU, offloads and queues, by interface.
      type: dict
      returned: when asked for
    tc:
      description: Lists C(qdisc), C(class) and C(filter) of the lines that C(tc -d) prints, by interface.
      type: dict
      returned: when asked for
    nft:
      description: Listing of table C(inet netopt), V(null) where there is none.
      type: str
      returned: when asked for
    sysctl:
      description: Value of each parameter in O(sysctl), V(null) for one that the kernel does not have.
      type: dict
      returned: when asked for
    checkpoints:
      description: Headers of the checkpoints on the host.
      type: list
      elements: dict
      returned: when asked for
    versions:
      description: What each tool says of its version, V(null) for one that is not installed.
      type: dict
      returned: when asked for
    beyond_defaults:
      description: >-
        Kernel parameters below C(net) that are not as a new network namespace of this kernel has them, each with its
        value and that default, V(null) where a namespace cannot tell, and who has set it, V(null) where files of the
        host do not tell.
      type: dict
      returned: when asked for
    devices:
      description: >-
        What all interfaces and their routes hold beyond what is usual for them. C(held) has the settings of each
        interface with what is usual, V(null) where neither a kernel nor a new device of its kind tells, and who has set
        them; C(tc) the queueing disciplines, classes and filters; C(routes) the networks whose routes have metrics;
        C(aside) the ends of containers' links; C(qdiscs) who has set the queueing disciplines; C(plans) which
        settings are those of plans in force.
      type: dict
      returned: when asked for
  sample:
    sysctl:
      net.ipv4.tcp_congestion_control: cubic
problems:
  description: One line for each part that could not be read.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._modules.info import ARGUMENT_SPEC, run


def main() -> None:
    """Read what is asked for."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.exit_json(**run(module.params, check=module.check_mode, diff=False))


if __name__ == "__main__":
    main()
