# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the environment decides: where the inventory, the policy and netopt's own files are, and the limits of a run.

Each setting is read from the variable ``NETOPT_`` and its name, or from a file of that name in the folder that
systemd's ``LoadCredential=`` fills. ``docs/settings.md`` lists them.
"""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from mcp_bridge import http_address
from mcp_bridge.errors import NetoptBridgeError

PREFIX = "NETOPT_"
# what the processes of a run are told, and the lab's own
NO_SETTINGS = frozenset(
    {"NETOPT_RUN_ID", "NETOPT_RUN_FOLDER", "NETOPT_RUN_LOCKS", "NETOPT_RUN_ENDS", "NETOPT_LAB_ACCEL"}
)
DEFAULT_RUN_TIMEOUT_S = 1800
TARGET_STATE_DIR = Path("/var/lib/netopt")  # what a host keeps there is restored and run by root; only root writes it

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["text", "json"]
Consent = Literal["always", "when-possible", "never"]
Toolset = Literal["core", "discovery", "audit", "all"]
TOOLSETS: tuple[str, ...] = get_args(Toolset)


class SettingsError(NetoptBridgeError):
    """An environment variable has a value that netopt cannot use.

    Args:
        variable: the variable's name.
        problem: what is wrong with what it holds.
    """

    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(f"{variable}: {problem}", hint="Change or unset the variable; docs/settings.md lists them.")


def _default_state_dir() -> Path:
    """Return ``$XDG_STATE_HOME/netopt`` (XDG Base Directory Specification), the folder for what a program keeps."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base).absolute() / "netopt"


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _address(value: object) -> object:
    return http_address.parse(value) if isinstance(value, str) else value


def _apart(path: Path) -> Path:
    """Return a folder that is apart from the one in which hosts keep their checkpoints."""
    real = path.expanduser().absolute()
    if TARGET_STATE_DIR in {real, *real.parents}:
        raise ValueError(
            f"{TARGET_STATE_DIR} is where a host keeps its checkpoints, for root alone; choose another folder, such as "
            f"{TARGET_STATE_DIR}-server, and move there what this netopt has kept"
        )
    return real


def _words(value: object) -> object:
    return tuple(value.lower().replace(",", " ").split()) if isinstance(value, str) else value


Address = Annotated[tuple[str, int], BeforeValidator(_address)]
StateFolder = Annotated[Path, AfterValidator(_apart)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Settings:
    """The settings of one netopt process."""

    state_dir: StateFolder = Field(default_factory=_default_state_dir)
    """Folder for runs and the audit log; made with mode 0700 when first needed. `/var/lib/netopt` is not for it."""
    inventory: str | None = None
    """Ansible inventory: a path or `host,`. Without one, the inventory of `ansible.cfg`."""
    policy_dir: Path | None = None
    """An organisation's own policy, which lies over the one that comes with netopt."""
    forks: int = Field(default=20, gt=0)
    """Hosts that Ansible works on at once."""
    run_timeout_s: int = Field(default=DEFAULT_RUN_TIMEOUT_S, gt=0)
    """Seconds after which a run is ended."""
    keep_runs: int = Field(default=200, gt=0)
    """Finished runs that stay on disk; older ones are removed."""
    keep_runs_days: int = Field(default=90, gt=0)
    """Days for which a finished run stays on disk, unless `NETOPT_KEEP_RUNS` ends that earlier."""
    backend: Literal["local", "awx"] = "local"
    """What runs playbooks: Ansible on this machine, or an AWX that is told to."""
    awx_url: str | None = None
    """AWX's address, such as `https://awx.example.org`."""
    awx_token: str | None = Field(default=None, repr=False)
    """Token for AWX, of a user who may launch the job templates."""
    awx_token_file: Path | None = None
    """File that holds the token for AWX instead."""
    awx_ca_file: Path | None = None
    """Certificates that vouch for AWX, in PEM form. Without one, those of the system."""
    awx_templates: str | None = None
    """Job templates by playbook, by number or name: `apply=12, rollback=NetOpt rollback`."""
    http: Address | None = None
    """Where `netopt serve` speaks streamable HTTP, as `HOST:PORT`. Without it, on standard input and output."""
    read_only: bool = False
    """Withhold every tool that changes hosts from MCP clients."""
    access: Path | None = None
    """Who may do what over MCP (docs/access.md). Without it, this user's processes may do everything."""
    consent: Annotated[Consent, BeforeValidator(_lower)] = "always"
    """Whether a person confirms each change through the client; the access file says otherwise for its callers."""
    toolsets: Annotated[tuple[Toolset, ...], BeforeValidator(_words), Field(min_length=1)] = ("core",)
    """Tools that `netopt serve` lists: `core`, `discovery`, `audit`, `all`, several joined by commas."""
    output_schemas: bool = False
    """List the schemas of answers as well."""
    log_level: Annotated[LogLevel, BeforeValidator(_lower)] = "warning"
    """Least severe messages that `netopt serve` logs, on standard error."""
    log_format: Annotated[LogFormat, BeforeValidator(_lower)] = "text"
    """`json` for one JSON object a line."""
    metrics: bool = True
    """Serve Prometheus metrics at `/metrics`, over HTTP."""
    shutdown_grace_s: int = Field(default=120, ge=0)
    """Seconds that a server that is told to stop gives its runs to finish; then they are cancelled."""

    @classmethod
    def from_env(cls) -> Settings:
        """Return the settings that this process's environment asks for.

        Raises:
            SettingsError: a variable holds something unusable.
        """
        try:
            return cls(**_given())
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            problem = _problem(name, first["msg"], error_input=first["input"])
            raise SettingsError(f"{PREFIX}{name.upper()}", problem) from None

    @property
    def runs_dir(self) -> Path:
        """The folder with one folder per run."""
        return self.state_dir / "runs"

    @property
    def audit_file(self) -> Path:
        """The audit log."""
        return self.state_dir / "audit.jsonl"


def fields() -> dict[str, FieldInfo]:
    """Return the settings by name, with type and default."""
    found: dict[str, FieldInfo] = dict(Settings.__pydantic_fields__)  # type: ignore[attr-defined]  # a dataclass has it
    return found


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def unknown_variables() -> dict[str, str]:
    """Return the variables of this process that begin like netopt's and set nothing, with the one probably meant."""
    known = [variable(name) for name in fields()]
    others = [name for name in os.environ if name.startswith(PREFIX) and name not in {*known, *NO_SETTINGS}]
    return {name: (difflib.get_close_matches(name, known, n=1) or [""])[0] for name in others}


def _given() -> dict[str, Any]:
    """Return the text that a variable, or else a file among systemd's credentials, has for a setting; no empty one."""
    names = {variable(name): name for name in fields()}
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    files = Path(folder).iterdir() if folder and Path(folder).is_dir() else ()
    credentials = {file.name: file.read_text(encoding="utf-8").strip() for file in files if file.name.upper() in names}
    return {
        names[key.upper()]: text
        for texts in (credentials, os.environ)
        for key, text in texts.items()
        if text and key.upper() in names
    }


def _problem(name: str, message: str, *, error_input: object) -> str:
    """Return what is wrong with a setting; what a secret holds is not repeated."""
    wanted = message[0].lower() + message[1:]
    is_secret = any(word in name for word in ("token", "secret", "key", "password"))
    return wanted if is_secret else f"{wanted}, and it is {str(error_input)[:80]!r}"
