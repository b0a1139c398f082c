# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges the rows that take a kernel of its own or a machine, in there, and prints what is wrong with each as JSON.

Its arguments are numbers of batches, by their place in the table; all that take such a kernel by default.
"""

from __future__ import annotations

import json
import sys

from tests.effects.judge import tried
from tests.effects.table import BATCHES


def main() -> None:
    """Print ``{number: [what is wrong with each row]}``, a line for each batch, and all of it in the end."""
    found = {}
    for word in sys.argv[1:]:
        found[word] = tried(BATCHES[int(word)])
        sys.stdout.write(json.dumps({word: found[word]}) + "\n")
        sys.stdout.flush()
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
