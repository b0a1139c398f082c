# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The one spelling of a sysctl value, as the kernel would read it back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_bridge.policy import Range

_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")


def canonical_sysctl(value: str, span: Range | None) -> str:
    """Return a value with its fields parted by single blanks and hexadecimal numbers in decimal.

    Args:
        value: as given.
        span: the key's range; only numbers are converted, words such as ``bbr`` stay as they are.
    """
    fields = value.split()
    if span is not None and span.type in {"int", "row"}:
        fields = [str(int(field, 16)) if _HEX.fullmatch(field) else field for field in fields]
    return " ".join(fields)
