# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ssh's ProxyCommand: connects where it runs, hands the socket to ssh, and ends.

ssh starts it inside the lab's namespace (with ``nsenter``) and takes the connected socket over through its
standard output (``ProxyUseFdpass``, unix(7) SCM_RIGHTS). Nothing is relayed, and nothing stays behind.
Runs alone, by its path: ``python -IS dial.py ADDRESS PORT``.
"""

from __future__ import annotations

import array
import socket
import sys

TIMEOUT_S = 10.0


def main() -> int:
    """Connect and pass the socket on; 0 when that worked."""
    address, port = sys.argv[1], int(sys.argv[2])
    try:
        connection = socket.create_connection((address, port), TIMEOUT_S)
    except OSError as error:
        sys.stderr.write(f"netopt lab: {address} port {port}: {error}\n")
        return 1
    connection.settimeout(None)
    with connection, socket.socket(fileno=sys.stdout.fileno()) as ssh:
        descriptors = array.array("i", [connection.fileno()])
        ssh.sendmsg([b"\0"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)])
        ssh.detach()
    return 0


if __name__ == "__main__":
    sys.exit(main())
