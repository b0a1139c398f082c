# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server knows of its callers: the access file, the hosts, the limits, the open questions and the log."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mcp_bridge.audit.log import AuditLog
from mcp_bridge.settings import Settings

from .host_scope import HostScope
from .loader import Rules
from .models import ConsentMode
from .own_files import OwnFiles
from .pending_confirmations import ANSWER_S, PendingConfirmations
from .rate_limits import Limits


@dataclass(frozen=True)
class Terms:
    """On which terms a server is started.

    Attributes:
        access_file: says who may do what; ``None``: whoever reaches the server is the user who started it.
        consent: whether changes need a person's confirmation, for callers of which the access file says nothing.
        answer_s: seconds that a person has to answer.
    """

    access_file: Path | None = None
    consent: ConsentMode = "always"
    answer_s: float = ANSWER_S


@dataclass(frozen=True)
class Access:
    """The terms of a running server, and what it keeps to hold calls against them."""

    terms: Terms
    rules: Rules
    host_scope: HostScope
    pending: PendingConfirmations
    audit: AuditLog
    files: OwnFiles
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def open(cls, settings: Settings, terms: Terms) -> Access:
        """Return the access to an installation.

        Raises:
            PolicyError: the access file is wrong.
        """
        return cls(
            terms=terms,
            rules=Rules(terms.access_file),
            host_scope=HostScope(settings.inventory),
            pending=PendingConfirmations(answer_s=terms.answer_s),
            audit=AuditLog(settings.audit_file),
            files=OwnFiles(settings, terms.access_file),
        )

    @property
    def authenticated(self) -> bool:
        """Whether callers over HTTP need a token."""
        access = self.rules.current()
        return access is not None and access.authentication is not None
