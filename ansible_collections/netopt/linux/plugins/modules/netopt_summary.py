#!/usr/bin/python
# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation of the action plugin of the same name; it runs on the controller alone."""

from __future__ import annotations

DOCUMENTATION = r"""
module: netopt_summary
short_description: Say what came of a playbook on all of its hosts
version_added: 0.1.0
description:
  - Makes a table of what an earlier task of the play has registered for each host, and says how to undo it.
  - It runs on the controller, once for all hosts, and asks no host.
author:
  - The NetOpt Authors (@netopt)
extends_documentation_fragment:
  - netopt.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
  platform:
    platforms: linux
options:
  about:
    description:
      - What the table is about. V(change) is for M(netopt.linux.netopt_apply), and for states of
        M(netopt.linux.netopt_checkpoint) that change a host.
    type: str
    choices: [change, verify, checkpoints, plans, info]
    required: true
  registered:
    description: Name of the variable that the earlier task has registered.
    type: str
    required: true
  checkpoint_id:
    description: A checkpoint that at least one host has to have; otherwise the task fails.
    type: str
seealso:
  - module: netopt.linux.netopt_apply
  - module: netopt.linux.netopt_checkpoint
"""

EXAMPLES = r"""
- name: Compare with what was confirmed
  netopt.linux.netopt_checkpoint:
    state: verified
  register: compared

- name: Say what differs
  netopt.linux.netopt_summary:
    about: verify
    registered: compared
  run_once: true
"""

RETURN = r"""
table:
  description: The lines of the table, headings first, and below them how to undo what was done.
  returned: always
  type: list
  elements: str
  sample:
    - HOST  SETTING             WANTED  FOUND  SET BY                   NOW OWNED BY
    - web1  net.core.somaxconn  8192    4096   20260101T120000Z-4f2a1c
"""
