#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ansible module: read-only questions to a host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_query
short_description: Ask a host read-only questions about its network
version_added: 0.1.0
description:
  - Runs the commands, or reads the files, that answer O(query) or O(queries), and returns the answers as data.
  - Several questions are answered at the same time, in one exchange with the host.
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
      - Either this or O(queries) is wanted.
    type: str
  arguments:
    description:
      - What O(query) is about, for example C(iface) for V(tc_class_show), C(keys) for V(sysctl_get),
        C(target) for V(ping_host).
    type: dict
    default: {}
  queries:
    description:
      - Up to 20 questions.
    type: list
    elements: dict
    suboptions:
      query:
        description:
          - Name of the question.
        type: str
        required: true
      arguments:
        description:
          - What it is about.
        type: dict
        default: {}
      match:
        description:
          - Only rows and fields that hold this text, in any case.
        type: str
      offset:
        description:
          - How many rows or fields to leave out at the beginning.
        type: int
      max_bytes:
        description:
          - How large the answer may get, 256 to 1000000 bytes of compact JSON; 16384 by default.
        type: int
"""

EXAMPLES = r"""
- name: Look at the queueing disciplines of eth0
  netopt.linux.netopt_query:
    query: tc_qdisc_show
    arguments:
      iface: eth0
  register: qdiscs

- name: Look for the reasons of a slow network
  netopt.linux.netopt_query:
    queries:
      - query: nstat
        match: retrans
      - query: softnet_stats
      - query: sysctl_get
        arguments:
          keys:
            - net.ipv4.tcp_rmem
            - net.core.somaxconn
"""

RETURN = r"""
answer:
  description: The answer to O(query).
  returned: success, when O(query) is given
  type: dict
  contains:
    query:
      description: The question.
      type: str
      returned: always
    available:
      description: Whether the host has what is needed to answer.
      type: bool
      returned: always
    data:
      description: The answer itself; its shape depends on the question.
      type: raw
      returned: when available
    commands:
      description: The commands that were run.
      type: list
      elements: str
      returned: when available
    total:
      description: How many rows or fields there are, when RV(answer.data) is a part of them.
      type: int
      returned: when something is left out
    next_offset:
      description: The C(offset) at which the next part begins, V(null) where this was the last.
      type: int
      returned: when something is left out
    clipped:
      description: Whether long values were shortened.
      type: bool
      returned: when they were
    message:
      description: What is missing, went wrong or was left out, in one line.
      type: str
      returned: when something is
  sample:
    query: sysctl_get
    available: true
    data:
      net.core.somaxconn: "4096"
    commands: []
answers:
  description: The answers to O(queries) in their order, each like RV(answer).
  returned: success, when O(queries) is given
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.netopt.linux.plugins.module_utils._modules.query import ARGUMENT_SPEC, run


def main() -> None:
    """Answer the questions."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    result = run(module.params, check=module.check_mode, diff=False)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
