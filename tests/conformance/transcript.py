# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a transcript, replays it, and compares what is shown with what is said.

Blocks marked ``call``, ``read``, ``asked`` and ``answer`` are the steps. An answer is shown in part: an object's shown
keys count, and a list that ends with ``"..."`` shows its beginning. ``<name>`` stands for whatever is there the first
time, and for the same from then on; ``answer as NAME`` gives a whole answer such a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

BLOCK = re.compile(r"^```(?:json|text) (call|read|asked|answer)(?: as (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"<(\w+)>")
REST = "..."


@dataclass(frozen=True)
class Step:
    """One block."""

    kind: str
    name: str | None
    body: str


def steps(text: str) -> list[Step]:
    """Return the steps of a transcript in order."""
    return [Step(kind, name or None, body.strip()) for kind, name, body in BLOCK.findall(text)]


@dataclass
class Memory:
    """What the names stand for."""

    values: dict[str, Any] = field(default_factory=dict)

    def fill(self, shown: Any) -> Any:
        """Return what is shown with names replaced by what they stand for."""
        if isinstance(shown, dict):
            return {key: self.fill(value) for key, value in shown.items()}
        if isinstance(shown, list):
            return [self.fill(value) for value in shown]
        if isinstance(shown, str):
            whole = NAME.fullmatch(shown)
            return self.values[whole[1]] if whole else NAME.sub(lambda found: str(self.values[found[1]]), shown)
        return shown

    def differences(self, shown: Any, said: Any, place: str = "") -> list[str]:
        """Return where what is shown is not what was said; learns names on the way."""
        name = NAME.fullmatch(shown) if isinstance(shown, str) else None
        if name is not None:
            known = self.values.setdefault(name[1], said)
            return [] if known == said else [f"{place}: {said!r}, but {shown} is {known!r}"]
        if isinstance(shown, dict) and isinstance(said, dict):
            lines = [f"{place}.{key}: is not there" for key in shown if key not in said and shown[key] is not None]
            return lines + [
                line
                for key in shown
                if key in said
                for line in self.differences(shown[key], said[key], f"{place}.{key}")
            ]
        if isinstance(shown, list) and isinstance(said, list):
            begun = shown[:-1] if shown and shown[-1] == REST else shown
            if len(begun) > len(said) or (begun is shown and len(shown) != len(said)):
                return [f"{place}: {len(said)} items, shown are {len(begun)}"]
            pairs = zip(begun, said[: len(begun)], strict=True)
            return [line for at, pair in enumerate(pairs) for line in self.differences(*pair, f"{place}[{at}]")]
        return [] if shown == said else [f"{place}: {said!r}, shown is {shown!r}"]


@dataclass
class Replay:
    """Plays a transcript.

    Attributes:
        call: calls a tool with arguments and returns its structured answer.
        read: reads a resource and returns it decoded.
        questions: what the person behind the client was asked; filled by whoever answers.
    """

    call: Callable[[str, dict[str, Any]], Awaitable[Any]]
    read: Callable[[str], Awaitable[Any]]
    questions: list[str]
    memory: Memory = field(default_factory=Memory)

    async def play(self, text: str) -> list[str]:
        """Return every difference between what a transcript shows and what was said."""
        lines: list[str] = []
        said: Any = None
        seen = 0
        for number, step in enumerate(steps(text), start=1):
            if step.kind == "read":
                said = await self.read(json.loads(step.body))
            elif step.kind == "call":
                wanted = self.memory.fill(json.loads(step.body))
                said = await self.call(wanted["tool"], wanted["arguments"])
            elif step.kind == "answer":
                lines += [f"step {number}{line}" for line in self.memory.differences(json.loads(step.body), said)]
                if step.name is not None:
                    self.memory.values[step.name] = said
            else:
                lines += self._asked(step, number, said)
                seen += 1
        if seen != len(self.questions):
            lines.append(f"{len(self.questions)} questions were asked, {seen} are shown")
        return lines

    def _asked(self, step: Step, number: int, said: Any) -> list[str]:
        """Compare the lines that a person is shown with those of the last question."""
        if isinstance(said, dict) and said.get("checkpoint_id"):
            self.memory.values.setdefault("change", said["checkpoint_id"])
        asked = self.questions[-1].splitlines() if self.questions else []
        wanted = [self.memory.fill(line) for line in step.body.splitlines()]
        return [f"step {number}: was not asked: {line}" for line in wanted if line not in asked]
