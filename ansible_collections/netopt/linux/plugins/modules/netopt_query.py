#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: one read-only question to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_query
short_description: Ask a host one read-only question about its network
version_added: 0.1.0
description:
  - Runs the one command, or reads the files, that answer O(query), and returns the answer as data.
  - Only programs of the allowlist are run, without a shell. Nothing on the host is changed.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: linux
  idempotent:
    support: full
options:
  query:
    description:
      - Name of the question, for example V(ip_info), V(tc_qdisc_show) or V(sysctl_get).
    type: str
    required: true
  arguments:
    description:
      - What the question is about, for example C(iface) for V(tc_class_show), C(keys) for V(sysctl_get),
        C(target) for V(ping_host).
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Look at the queueing disciplines of eth0
  netopt.linux.netopt_query:
    query: tc_qdisc_show
    arguments:
      iface: eth0
  register: qdiscs

- name: Read two kernel parameters
  netopt.linux.netopt_query:
    query: sysctl_get
    arguments:
      keys:
        - net.ipv4.tcp_rmem
        - net.core.somaxconn
"""

RETURN = r"""
answer:
  description: The answer.
  returned: success
  type: dict
  contains:
    available:
      description: Whether the host has what is needed to answer.
      type: bool
      returned: always
    data:
      description: The answer itself; its shape depends on O(query).
      type: raw
      returned: when available
    commands:
      description: The commands that were run.
      type: list
      elements: str
      returned: when available
    message:
      description: What is missing or went wrong, in one line.
      type: str
      returned: when something is
  sample:
    available: true
    data:
      net.core.somaxconn: "4096"
    commands: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._errors import NetoptError
from ansible_collections.netopt.linux.plugins.module_utils._query_io import answer
from ansible_collections.netopt.linux.plugins.module_utils._tools_io import Tools


def main() -> None:
    """Answer the question."""
    module = AnsibleModule(
        argument_spec={
            "query": {"type": "str", "required": True},
            "arguments": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        found = answer(module.params["query"], module.params["arguments"], Tools())
    except NetoptError as error:
        module.fail_json(msg=f"{error.message}. {error.hint}" if error.hint else error.message, error=error.as_dict())
    module.exit_json(changed=False, answer=found)


if __name__ == "__main__":
    main()
