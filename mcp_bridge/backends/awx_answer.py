# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What AWX answers, taken in within bounds: it has a size and a time, also while it streams, and a shape.

AWX hands on what hosts have printed, and whatever answers at its address may answer anything.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx

from mcp_bridge import untrusted_text
from mcp_bridge.errors import RunError

BYTES_MAX = 40_000_000  # of one answer; a report on ten thousand classes has a fifth of it
TEXT_MAX = 4_000_000  # of what Ansible printed, for the run's log
DURATION_S = 300.0  # that one answer may take
SAID_MAX = 300  # characters of a refusal
WHY_MAX = 20_000  # of what AWX says of a job that failed
AS_IT_COMES = {"Accept-Encoding": "identity"}  # so that what is counted is what is there


class TooLargeError(RunError):
    """AWX answers more than it has to say."""


@dataclass(frozen=True)
class Answer:
    """An answer that was taken in.

    Attributes:
        status: of HTTP.
        request: what was asked, for errors.
        content: its bytes.
        cut: whether there was more.
    """

    status: int
    request: str
    content: bytes
    cut: bool = False

    @property
    def is_success(self) -> bool:
        """Whether AWX did what was asked."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """It as text, without what a reader would not see."""
        return untrusted_text.plain_text(self.content.decode("utf-8", errors="replace"))

    def object(self) -> dict[str, Any] | None:
        """Return the JSON object that it is, ``None`` where it is none."""
        try:
            found = json.loads(self.content)
        except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
            return None
        return found if isinstance(found, dict) else None

    @property
    def said(self) -> str:
        """What AWX says about a refusal, in one line."""
        found = self.object()
        text = self.text if found is None else json.dumps(untrusted_text.plain(found), ensure_ascii=False)
        return " ".join(text[: 20 * SAID_MAX].split())[:SAID_MAX]


def take(response: httpx.Response, *, url: str, cut_at: int | None = None) -> Answer:
    """Take in an answer as it comes.

    Args:
        response: of a request that streams.
        url: AWX's address, for errors.
        cut_at: bytes after which the rest is left; ``None`` where only a whole answer is of use.

    Raises:
        TooLargeError: it has no end within the bounds.
        RunError: it is compressed, which was not asked for.
        httpx.HTTPError: the connection broke, or it took too long.
    """
    request = f"{response.request.method} {response.request.url.path}"
    if response.headers.get("content-encoding", "identity") != "identity":
        raise RunError(
            f"{url} answers {request} compressed, though it was asked not to",
            hint="Let the proxy before AWX heed Accept-Encoding.",
        )
    ends = time.monotonic() + DURATION_S
    most = BYTES_MAX if cut_at is None else cut_at
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size > most and cut_at is None:
            raise TooLargeError(
                f"{url} answers {request} with more than {BYTES_MAX} bytes",
                hint="See whether NETOPT_AWX_URL is AWX, and what its hosts print.",
            )
        if size > most:
            break
        if time.monotonic() > ends:
            raise httpx.ReadTimeout(f"the answer to {request} took more than {DURATION_S:.0f} s")
    return Answer(response.status_code, request, b"".join(parts)[:most], cut=size > most)


def part(found: dict[str, Any], key: str, kind: type[Any], *, url: str) -> Any:
    """Return a part of an answer that AWX always gives.

    Raises:
        RunError: it is not there, or something else.
    """
    value: Any = found.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise unlike_awx(url)
    if isinstance(value, list) and not all(isinstance(one, dict) for one in value):
        raise unlike_awx(url)
    return value


def shortened(said: Any) -> str:
    """Return what AWX says of a job that failed, as a reader sees it."""
    text = untrusted_text.plain_text(str(said)[: 2 * WHY_MAX])
    return text if len(text) <= WHY_MAX else f"{text[:WHY_MAX]} ... and more; AWX has it"


def unlike_awx(url: str) -> RunError:
    """Return the error for an answer that AWX would not give."""
    return RunError(
        f"{url} does not answer as AWX does", hint="NETOPT_AWX_URL is AWX's address, not that of its pages."
    )
