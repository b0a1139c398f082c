# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The attributes that every module of the collection documents, each said once."""

from __future__ import annotations


class ModuleDocFragment:
    """``extends_documentation_fragment: [netopt.linux.attributes]``; the module adds each attribute's ``support``."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the status it would have without changing the host.
  diff_mode:
    description: Returns what has changed, or what would change in C(check_mode), when in diff mode.
  idempotent:
    description:
      - When run twice in a row outside C(check_mode) with the same arguments, the second run indicates no change.
      - The kernel's own state is what is compared, so a change made by hand in between is seen and mended.
  platform:
    description: The operating systems that the module can act on.
    platforms: posix
    support: full
"""

    INFO_MODULE = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - This module only reads, so check mode makes no difference.
  diff_mode:
    support: N/A
    details:
      - This module only reads.
  idempotent:
    support: full
    details:
      - This module only reads.
"""
