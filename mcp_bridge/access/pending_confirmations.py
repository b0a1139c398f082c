# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps what people were asked to confirm: each question is answered once, in time, for the very thing it was about."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass

from .errors import AccessError

ANSWER_S = 300.0
OPEN_PER_CALLER = 16
OPEN_MAX = 1000


@dataclass(frozen=True)
class Question:
    """A question that a person has not answered yet.

    Attributes:
        caller: on whose behalf it was asked.
        binding: digest of what it is about.
        expires: when it is too late to answer, on the monotonic clock.
    """

    caller: str
    binding: str
    expires: float


class PendingConfirmations:
    """The open questions of a server. They end with it.

    Args:
        answer_s: seconds in which a question is to be answered.
    """

    def __init__(self, *, answer_s: float = ANSWER_S) -> None:
        self.answer_s = answer_s
        self._lock = threading.Lock()
        self._open: dict[str, Question] = {}

    def ask(self, caller: str, binding: str) -> str:
        """Open a question and return its id, which nobody can guess."""
        question_id = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._lock:
            for old in [key for key, question in self._open.items() if question.expires < now]:
                del self._open[old]
            own = [key for key, question in self._open.items() if question.caller == caller]
            for old in own[: max(0, len(own) + 1 - OPEN_PER_CALLER)]:
                del self._open[old]
            if len(self._open) >= OPEN_MAX:
                raise AccessError("Too many questions are open", hint="Try again in some minutes.", kind="rate")
            self._open[question_id] = Question(caller, binding, now + self.answer_s)
        return question_id

    def close(self, question_id: str, *, caller: str, binding: str) -> None:
        """Take an answered question out of the open ones: whatever comes of it, it is never answered again.

        Raises:
            AccessError: there is no such question, it is too late, or it was about something else.
        """
        with self._lock:
            question = self._open.pop(question_id, None)
        if question is None:
            raise _refused("answers no open question: it was answered before, was never asked, or the server restarted")
        if question.expires < time.monotonic():
            raise _refused(f"came too late: a question is open for {self.answer_s:.0f} s")
        if not secrets.compare_digest(question.caller, caller):
            raise _refused("belongs to another caller's question")
        if not secrets.compare_digest(question.binding, binding):
            raise _refused("was given for something else: another plan, other hosts or other arguments")


def _refused(why: str) -> AccessError:
    return AccessError(
        f"The confirmation {why}", hint="Call the tool again; the person is asked again.", kind="consent"
    )
