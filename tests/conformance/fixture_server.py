# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The server for the conformance suite: netopt's own factory, transport and middleware, with the suite's fixtures.

python -m tests.conformance.fixture_server PORT
"""

from __future__ import annotations

import sys

from mcp_bridge.mcp_server import server
from mcp_bridge.operations import logs, serving, tool_cache
from mcp_bridge.operations.shutdown import Drain
from mcp_bridge.service import Service
from mcp_bridge.settings import Settings
from tests.conformance.fixtures import asking, content

HOST = "127.0.0.1"


def main(port: int) -> None:
    """Serve on the loopback address until told to stop."""
    settings = Settings.from_env()
    logs.begin(settings)
    drain = Drain(settings, {})
    built = server.build(Service(settings, caller="conformance"), drain=drain)
    content.register(built)
    asking.register(built)
    tool_cache.expect_mirrored_parameters(built, {"test_header_parameter": content.MIRRORED})
    serving.http(server.http_app(built, host=HOST), drain, host=HOST, port=port)


if __name__ == "__main__":
    main(int(sys.argv[1]))
