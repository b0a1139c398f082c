# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The gate behind a wave: whether a host's services still take connections from the controller."""

from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TRY_S = 3.0
PAUSE_S = 0.5
AT_ONCE = 32


def unhealthy(places: Mapping[str, tuple[str, Sequence[int]]], *, wait_s: float) -> dict[str, str]:
    """Return ``{host: why}`` of the hosts that do not take a TCP connection on one of their ports.

    Args:
        places: by host, its address and the TCP ports that are all to answer.
        wait_s: for how long they may take to do so.
    """
    deadline = time.monotonic() + wait_s
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found = pool.map(lambda host: _ill(*places[host], deadline), places)
        return {host: why for host, why in zip(places, found) if why is not None}


def _ill(address: str, ports: Sequence[int], deadline: float) -> str | None:
    for port in ports:
        while True:
            try:
                socket.create_connection((address, port), timeout=TRY_S).close()
                break
            except OSError as error:
                if time.monotonic() >= deadline:
                    return f"no connection to {address} port {port} from the controller: {error.strerror or error}"
            time.sleep(PAUSE_S)
    return None
