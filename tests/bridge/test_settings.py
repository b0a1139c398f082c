# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings: where they are read from, what is refused, and what their page says of them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest

from mcp_bridge import COLLECTIONS_ROOT, settings
from mcp_bridge.models.base import field_texts
from mcp_bridge.settings import Settings, SettingsError

TEXTS = field_texts(Settings)
PAGE = COLLECTIONS_ROOT / "docs" / "settings.md"
WORDS = {int: "whole number", bool: "yes or no", str: "text", Path: "path", tuple[str, int]: "`HOST:PORT`"}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every variable of netopt's away."""
    for name in [name for name in os.environ if name.startswith("NETOPT_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("NETOPT_INVENTORY", "hosts.yml", "inventory", "hosts.yml"),
        ("NETOPT_INVENTORY", "", "inventory", None),
        ("NETOPT_POLICY_DIR", "/etc/netopt/policy", "policy_dir", Path("/etc/netopt/policy")),
        ("NETOPT_STATE_DIR", "/var/lib/netopt-server", "state_dir", Path("/var/lib/netopt-server")),
        ("NETOPT_STATE_DIR", "~/netopt", "state_dir", Path.home() / "netopt"),
        ("XDG_STATE_HOME", "/xdg", "state_dir", Path("/xdg/netopt")),
        ("NETOPT_FORKS", "7", "forks", 7),
        ("NETOPT_READ_ONLY", "1", "read_only", True),
        ("NETOPT_READ_ONLY", "Yes", "read_only", True),
        ("NETOPT_READ_ONLY", "false", "read_only", False),
        ("NETOPT_LOG_FORMAT", "JSON", "log_format", "json"),
        ("NETOPT_HTTP", "[::1]:8931", "http", ("::1", 8931)),
    ],
)
def test_variable(monkeypatch: pytest.MonkeyPatch, variable: str, text: str, name: str, value: object) -> None:
    """A variable sets what it is named after, also once another setting is changed; an empty one sets nothing."""
    monkeypatch.setenv(variable, text)
    found = Settings.from_env()
    assert getattr(found, name) == getattr(replace(found, metrics=False), name) == value


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("NETOPT_FORKS", "0"),
        ("NETOPT_FORKS", "many"),
        ("NETOPT_RUN_TIMEOUT_S", "-1"),
        ("NETOPT_READ_ONLY", "perhaps"),
        ("NETOPT_LOG_LEVEL", "chatty"),
        ("NETOPT_HTTP", "8931"),
    ],
)
def test_unusable(monkeypatch: pytest.MonkeyPatch, variable: str, text: str) -> None:
    """What cannot be used is named, with what it holds."""
    monkeypatch.setenv(variable, text)
    with pytest.raises(SettingsError, match=f"{variable}: .*'{text}'"):
        Settings.from_env()


@pytest.mark.parametrize("folder", ["/var/lib/netopt", "/var/lib/netopt/", "/var/lib/netopt/server"])
def test_a_hosts_own_folder(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Where hosts keep what root restores, no netopt keeps its own; the error names a folder that serves."""
    monkeypatch.setenv("NETOPT_STATE_DIR", folder)
    with pytest.raises(SettingsError, match=r"NETOPT_STATE_DIR: .*such as /var/lib/netopt-server"):
        Settings.from_env()


def test_credential(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file in systemd's folder of credentials sets what it is named after; a variable goes before it."""
    (tmp_path / "NETOPT_INVENTORY").write_text("from-a-file\n", encoding="utf-8")
    (tmp_path / "NETOPT_OF_OTHERS").write_bytes(b"\xff")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Settings.from_env().inventory == "from-a-file"
    monkeypatch.setenv("NETOPT_INVENTORY", "from-a-variable")
    assert Settings.from_env().inventory == "from-a-variable"


def test_unknown_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is no setting's is named, with the one that was meant."""
    monkeypatch.setenv("NETOPT_READONLY", "1")
    monkeypatch.setenv("NETOPT_FORKS", "1")
    assert settings.unknown_variables() == {"NETOPT_READONLY": "NETOPT_READ_ONLY"}


def test_page_lists_the_settings() -> None:
    """The table in docs/settings.md says of every setting what the code says, in the code's order."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `NETOPT_")]
    assert rows == [_row(name, info) for name, info in settings.fields().items()]


def _row(name: str, info: Any) -> str:
    default = "`$XDG_STATE_HOME/netopt`" if name == "state_dir" else _shown(info.default)
    return f"| `{settings.variable(name)}` | {_kind(info.annotation)} | {default} | {TEXTS[name]} |"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(f"`{part}`" for part in value)
    return "none" if value is None else f"`{value}`"


def _kind(annotation: Any) -> str:
    """Return a type in words for people."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(annotation))
    parts = [part for part in get_args(annotation) if part is not NoneType]
    if annotation not in WORDS:
        assert parts, f"give {annotation} a name in WORDS"
        return _kind(parts[0])
    return WORDS[annotation]
