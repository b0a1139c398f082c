# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one face of the Ansible collection: what the controller takes of it.

Nothing else in ``mcp_bridge`` imports the collection. All of it is pure: data, and functions of data.
"""
