# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logs on standard error, for people or as one JSON object a line; what looks like a secret is left out."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mcp_bridge.settings import LogFormat, LogLevel, Settings, unknown_variables

LOG = logging.getLogger(__name__)
HIDDEN = "[hidden]"
# A first word without the rest matches as well, and has no secret: else a long text full of first words would be
# looked through to its end from each of them.
_SECRETS = (
    re.compile(r"(?P<secret>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))", re.DOTALL),
    re.compile(r"\beyJ[\w-]{5,}(?P<secret>\.[\w-]+\.[\w-]*)?"),  # a JSON web token, all but its header
    re.compile(r"(?i)(?<=\bbearer )(?P<secret>[^\s\"',]+)"),
    re.compile(r"(?i)(?<=\bbasic )(?P<secret>[A-Za-z0-9+/=]{8,})"),
    re.compile(
        r"(?i)(?:pass|secret|token|api[_-]?key|private[_-]?key|credential)\w*(?:-key\w*)*"
        r"(?:[\"']?\s*[=:]\s*(?P<secret>\"[^\"]*\"|'[^']*'|[^\s,;&\"'}\]]+))?"
    ),
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]|[\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def begin(settings: Settings) -> None:
    """Log as the settings say, and warn of variables that were meant to be settings."""
    configure(level=settings.log_level, form=settings.log_format)
    for name, meant in unknown_variables().items():
        LOG.warning("%s sets nothing%s", name, f"; {meant} was probably meant" if meant else "")


def configure(*, level: LogLevel, form: LogFormat) -> None:
    """Send every logger of this process to standard error, in one form."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else PlainFormatter())
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in ("fastmcp", "uvicorn", "uvicorn.error", "uvicorn.access", "mcp"):
        logger = logging.getLogger(name)  # some come with a handler and a form of their own
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.NOTSET)


def without_secrets(text: str) -> str:
    """Return ``text`` with tokens, passwords and keys replaced."""
    for pattern in _SECRETS:
        text = pattern.sub(_hidden, text)
    return text


def _hidden(found: re.Match[str]) -> str:
    """Return a match with its secret replaced, as it is where it has none."""
    start, end = (place - found.start() for place in found.span("secret"))
    return found.group() if found["secret"] is None else f"{found.group()[:start]}{HIDDEN}{found.group()[end:]}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever a record was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON."""
        data: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            **_extra(record),
        }
        if record.exc_info:
            data["exception"] = without_secrets(self.formatException(record.exc_info))
        return json.dumps(data, ensure_ascii=True, default=str, separators=(",", ":"))


class PlainFormatter(logging.Formatter):
    """One line for people: what a message holds cannot begin a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        words = [without_secrets(record.getMessage()), *(f"{key}={value}" for key, value in _extra(record).items())]
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        line = f"{time} {record.levelname.lower()} {record.name}: {' '.join(words)}"
        line = _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", line)
        if record.exc_info:
            line += "\n" + without_secrets(self.formatException(record.exc_info))
        return line


def _extra(record: logging.LogRecord) -> Mapping[str, Any]:
    """Return what the record was given beside its message."""
    found = {key: value for key, value in vars(record).items() if key not in _STANDARD and not key.startswith("_")}
    return {key: without_secrets(value) if isinstance(value, str) else value for key, value in found.items()}
