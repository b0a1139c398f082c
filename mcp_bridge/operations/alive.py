# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container's health check, ``python -m mcp_bridge.operations.alive``: whether the server at NETOPT_HTTP answers.

It takes the standard library alone, so that it ends within its time on a machine that is busy.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

from mcp_bridge import http_address

VARIABLE = "NETOPT_HTTP"
ANSWER_S = 4
# where a server that listens on every address is asked
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def problem(address: str) -> str:
    """Return why the server at an address does not live, an empty text when it does."""
    try:
        host, port = http_address.parse(address)
    except ValueError as error:
        return f"{VARIABLE}: {error}. Set it to where the server listens."
    connection = HTTPConnection(LOOPBACK.get(host, host), port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"{address} does not answer: {error}"
    finally:
        connection.close()
    return "" if status == 200 else f"{address} answers with {status}"


if __name__ == "__main__":
    sys.exit(problem(os.environ.get(VARIABLE, "")) or 0)
