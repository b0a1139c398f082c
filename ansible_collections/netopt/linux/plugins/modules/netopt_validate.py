#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_validate
short_description: Check a network plan against the policy, on the controller
version_added: 0.1.0
description:
  - Checks a ParameterPlan against the policy and returns it in its normal form, with all that
    M(netopt.linux.netopt_apply) wants to know of the policy.
  - It runs on the controller and opens no connection. All issues of a plan are reported at once.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    platforms: linux
requirements:
  - the Python package C(netopt) on the controller
options:
  plan:
    description:
      - The ParameterPlan. It may be text in JSON or YAML, where a key that is given twice is refused.
    type: dict
    required: true
  digest:
    description:
      - Digest of the rendered plan that was looked at. A plan that renders to another one is refused.
    type: str
  checkpoint_id:
    description:
      - Name of the checkpoint. One is made up unless given, the same for every host that the task runs for.
    type: str
  policy_dir:
    description:
      - Folder of the policy. The environment variable E(NETOPT_POLICY_DIR), or else the policy that comes with
        C(netopt), unless given.
    type: path
seealso:
  - module: netopt.linux.netopt_apply
"""

EXAMPLES = r"""
- name: Check a plan
  netopt.linux.netopt_validate:
    plan:
      iface: eth0
      changes:
        sysctl:
          net.core.rmem_max: 16777216
  register: checked
"""

RETURN = r"""
plan:
  description: The plan in its normal form.
  returned: success
  type: dict
digest:
  description: SHA-256 in hexadecimal of the plan and its rendered text.
  returned: success
  type: str
adaptations:
  description: Rules that fit the values to each host. None for values that a user wrote.
  returned: success
  type: list
  elements: dict
skippable:
  description: Reasons for leaving kernel parameters out where the kernel lacks them, by parameter.
  returned: success
  type: dict
modules:
  description: Kernel modules that bring kernel parameters, by parameter.
  returned: success
  type: dict
allowlist:
  description: The programs that may run on a host, with their permitted arguments; none where they are the usual ones.
  returned: success
  type: dict
checkpoint_id:
  description: Name of the checkpoint on every host.
  returned: success
  type: str
issues:
  description: What is wrong with the plan, each with C(path), C(message), C(severity) and C(hint).
  returned: when the plan is refused
  type: list
  elements: dict
"""
