# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The queries that a host answers, their bounds, and pages of an answer."""

from __future__ import annotations

from ansible_collections.netopt.linux.plugins.module_utils._query.catalog import (
    BOUNDS,
    FIELDS,
    MAX_KEYS,
    PATTERNS,
    QUERIES,
    ROWS,
    WORDS,
    Parameter,
    Query,
)
from ansible_collections.netopt.linux.plugins.module_utils._query.paging import (
    DEFAULT_BYTES,
    MATCH_LENGTH_MAX,
    MAX_BYTES,
    MIN_BYTES,
    page,
    size,
)
from ansible_collections.netopt.linux.plugins.module_utils._query.request import MAX_OFFSET, MAX_QUESTIONS, checked

__all__ = [
    "BOUNDS",
    "DEFAULT_BYTES",
    "FIELDS",
    "MATCH_LENGTH_MAX",
    "MAX_BYTES",
    "MAX_KEYS",
    "MAX_OFFSET",
    "MAX_QUESTIONS",
    "MIN_BYTES",
    "PATTERNS",
    "QUERIES",
    "ROWS",
    "WORDS",
    "Parameter",
    "Query",
    "checked",
    "page",
    "size",
]
