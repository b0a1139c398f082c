# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts questions together that come at the same moment from one caller about the same hosts: one run answers all.

Clients that call several tools at once need not know of ``host_query_tool`` to get their answers in one round trip.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from mcp_bridge.collection.errors import NetoptError
from mcp_bridge.collection.queries import MAX_QUESTIONS, checked
from mcp_bridge.hosts import query as host_query
from mcp_bridge.hosts.query import Answers, ManyAnswers, QueryError
from mcp_bridge.runs.playbook_run import Fleet
from mcp_bridge.runs.report import Progress
from mcp_bridge.runs.task import Scope

QUIET_S = 0.05  # the run begins when for so long no other question has come; it takes a second or more
WINDOW_S = 0.5  # the longest that the first question waits for others


@dataclass
class _Batch:
    """Questions that one run will answer."""

    questions: list[Mapping[str, Any]] = field(default_factory=list)
    listeners: list[Progress] = field(default_factory=list)
    answers: Future[ManyAnswers] = field(default_factory=Future)

    def tell(self, host: str, text: str) -> None:
        """Pass a host's step on to all who wait."""
        for listener in tuple(self.listeners):
            listener(host, text)


class Batches:
    """The questions of a server's callers that are about to be asked. ``ask`` is called from threads of their own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str | None], _Batch] = {}

    def ask(self, fleet: Fleet, question: Mapping[str, Any], scope: Scope) -> Answers:
        """Ask one question, in one run with others of the same caller about the same hosts.

        Raises:
            QueryError: there is no such question, or an argument is wrong; others are not disturbed by it.
            InventoryError: no host matches.
            RunError: the playbook could not be run.
        """
        try:
            checked([question])
        except NetoptError as error:
            raise QueryError(error.message, hint=error.hint or "") from None
        key = (fleet.caller, scope.limit)
        batch, number = self._join(key, question, scope)
        if number == 0:
            self._carry_out(key, batch, fleet, scope)
        return host_query.one_of(batch.answers.result(), number, question)

    def _join(self, key: tuple[str, str | None], question: Mapping[str, Any], scope: Scope) -> tuple[_Batch, int]:
        with self._lock:
            batch = self._open.get(key)
            if batch is None or len(batch.questions) == MAX_QUESTIONS:
                batch = self._open[key] = _Batch()
            batch.questions.append(question)
            if scope.progress is not None:
                batch.listeners.append(scope.progress)
            return batch, len(batch.questions) - 1

    def _carry_out(self, key: tuple[str, str | None], batch: _Batch, fleet: Fleet, scope: Scope) -> None:
        begun = time.monotonic()
        known = 0
        while known < len(batch.questions) < MAX_QUESTIONS and time.monotonic() - begun < WINDOW_S:
            known = len(batch.questions)
            time.sleep(QUIET_S)
        with self._lock:
            if self._open.get(key) is batch:
                del self._open[key]
        try:
            room = host_query.TOTAL_BYTES * len(batch.questions)
            found = host_query.ask(fleet, batch.questions, replace(scope, progress=batch.tell), total_bytes=room)
        except BaseException as error:  # noqa: BLE001 - whatever it is, all who wait must hear of it
            batch.answers.set_exception(error)
        else:
            batch.answers.set_result(found)
