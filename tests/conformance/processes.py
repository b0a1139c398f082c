# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts the servers and the programs by others that the tests are made of."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.listening import await_server

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
BIN = FOLDER / "node_modules" / ".bin"
START_S = 60
STOP_S = 60


@dataclass(frozen=True)
class Server:
    """A server that listens on this machine."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def base(self) -> str:
        """Where its endpoints for supervisors are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """Where it speaks MCP."""
        return f"{self.base}/mcp"


def environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without netopt's own variables, and with ``variables``."""
    mine = {key: value for key, value in os.environ.items() if not key.startswith("NETOPT_")}
    return {**mine, "PYTHONPATH": str(ROOT), **variables}


@contextmanager
def serving(
    words: list[str], *, port: int, folder: Path, variables: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run ``python -m`` with ``words`` until the block ends; it is told to stop and must."""
    log = folder / f"server-{port}.log"
    named = {"NETOPT_STATE_DIR": str(folder / "state"), **(variables or {})}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            env=environment(**named),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            await_server(process, port, seconds=START_S, log=log)
            yield Server(port, process, log)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise


def node(*words: str, timeout_s: float = 300, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program of package.json's to its end; its first word is the program's name."""
    if not (BIN / words[0]).exists():
        pytest.fail("tests/conformance/node_modules is not complete: run tools/setup_node.sh")
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        [str(BIN / words[0]), *words[1:]],
        check=False,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=FOLDER,
        env=environment(PATH=path, NO_COLOR="1", **variables),
    )
