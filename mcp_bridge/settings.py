# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the environment decides: where the inventory, the policy and netopt's own files are, and the limits of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_bridge.errors import NetoptBridgeError

COLLECTIONS_ROOT = Path(__file__).resolve().parent.parent  # holds ansible_collections/, in a checkout and in a wheel
DEFAULT_FORKS = 20
DEFAULT_RUN_TIMEOUT_S = 1800
DEFAULT_KEEP_RUNS = 200


class SettingsError(NetoptBridgeError):
    """An environment variable has a value that netopt cannot use.

    Args:
        variable: the variable's name.
        value: what it holds.
        wanted: what it should hold.
    """

    def __init__(self, variable: str, value: str, wanted: str) -> None:
        super().__init__(f"{variable}={value!r}: expected {wanted}", hint="Change or unset the variable.")


@dataclass(frozen=True)
class Settings:
    """The settings of one netopt process.

    Attributes:
        inventory: an Ansible inventory (path or ``host,``), or ``None`` for what ``ansible.cfg`` says.
        policy_dir: an organisation's own policy, or ``None`` for the shipped one.
        state_dir: where runs and the audit log are kept; made with mode 0700 when first needed.
        forks: hosts that Ansible works on at once.
        run_timeout_s: seconds after which a run is ended.
        keep_runs: finished runs that stay on disk; older ones are removed.
        read_only: whether tools that change hosts are withheld from MCP clients.
    """

    state_dir: Path
    inventory: str | None = None
    policy_dir: Path | None = None
    forks: int = DEFAULT_FORKS
    run_timeout_s: int = DEFAULT_RUN_TIMEOUT_S
    keep_runs: int = DEFAULT_KEEP_RUNS
    read_only: bool = False

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that ``environ`` (default: this process's) asks for.

        Raises:
            SettingsError: a variable holds something unusable.
        """
        env = os.environ if environ is None else environ
        policy = env.get("NETOPT_POLICY_DIR")
        return cls(
            state_dir=_state_dir(env),
            inventory=env.get("NETOPT_INVENTORY") or None,
            policy_dir=Path(policy) if policy else None,
            forks=_positive(env, "NETOPT_FORKS", DEFAULT_FORKS),
            run_timeout_s=_positive(env, "NETOPT_RUN_TIMEOUT_S", DEFAULT_RUN_TIMEOUT_S),
            keep_runs=_positive(env, "NETOPT_KEEP_RUNS", DEFAULT_KEEP_RUNS),
            read_only=_flag(env, "NETOPT_READ_ONLY"),
        )

    @property
    def runs_dir(self) -> Path:
        """The folder with one folder per run."""
        return self.state_dir / "runs"

    @property
    def audit_file(self) -> Path:
        """The audit log."""
        return self.state_dir / "audit.jsonl"


def _state_dir(env: Mapping[str, str]) -> Path:
    own = env.get("NETOPT_STATE_DIR")
    if own:
        return Path(own).expanduser().absolute()
    base = env.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base).absolute() / "netopt"


def _positive(env: Mapping[str, str], variable: str, default: int) -> int:
    text = env.get(variable, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise SettingsError(variable, text, "a whole number above 0")
    return int(text)


def _flag(env: Mapping[str, str], variable: str) -> bool:
    text = env.get(variable, "").lower()
    if text not in {"", "0", "1", "false", "true", "no", "yes"}:
        raise SettingsError(variable, text, "1 or 0")
    return text in {"1", "true", "yes"}
