# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs netopt's playbooks as jobs of an AWX, whose inventory says where the hosts are."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mcp_bridge import atomic_files
from mcp_bridge.backends import awx_prompts
from mcp_bridge.backends.awx_answer import shortened
from mcp_bridge.backends.awx_client import PAGE, AwxClient, LaunchUnclearError
from mcp_bridge.backends.awx_prompts import RUN_VARIABLE, PromptError
from mcp_bridge.backends.job import Cancellation, EventHandler, Job, RunOutcome, RunStatus
from mcp_bridge.errors import RunError
from mcp_bridge.settings import Settings, SettingsError

NOTE = "awx.json"  # in the run's folder: which job it is
LOG = "awx.log"
PREFIX = "netopt.linux."
POLL_S = 1.0
ENDED: Mapping[str, RunStatus] = {
    "successful": "successful",
    "failed": "failed",
    "error": "failed",
    "canceled": "cancelled",
}
LAST_EVENTS_S = 60.0  # for how long the last events of a job that has ended are waited for
LOCK = "awx"


@dataclass(frozen=True)
class AwxBackend:
    """An AWX and the job templates in it.

    Attributes:
        url: AWX's address.
        token: of a user who may execute the templates.
        templates: number or name of the job template by playbook, such as ``apply``.
        ca_file: certificates that vouch for AWX.
    """

    url: str
    token: str
    templates: Mapping[str, str]
    ca_file: Path | None = None

    def __repr__(self) -> str:
        """Return what may be shown."""
        return f"AwxBackend({self.url})"

    @classmethod
    def of(cls, settings: Settings) -> AwxBackend:
        """Return the AWX that the settings name.

        Raises:
            SettingsError: one that is needed is missing or wrong.
        """
        if not settings.awx_url:
            raise SettingsError("NETOPT_AWX_URL", "the backend awx needs AWX's address")
        if not settings.awx_url.startswith(("https://", "http://")):
            raise SettingsError("NETOPT_AWX_URL", "an address begins with https://")
        return cls(settings.awx_url, _token(settings), _templates(settings.awx_templates), settings.awx_ca_file)

    def run(
        self, job: Job, *, run_id: str, folder: Path, on_event: EventHandler, cancel: Cancellation | None = None
    ) -> RunOutcome:
        """Launch a job, tell its events, and return how it ended; see ``interface.Backend``.

        ``job.inventory`` and ``job.forks`` are the template's own affair there.
        """
        with AwxClient(self.url, token=self.token, ca_file=self.ca_file) as client, _alone(job.locks, run_id=run_id):
            asked = awx_prompts.prompts(job, run_id=run_id)
            named = self._template(job.playbook)
            template = client.template(named)
            awx_prompts.check(asked, client.prompts(template["id"]), template=named)
            note = {"template": template["id"], "run_id": run_id, "url": self.url, "job": None}
            atomic_files.write(folder / NOTE, json.dumps(note))
            number = _launch(client, template["id"], asked, run_id=run_id)
            atomic_files.write(folder / NOTE, json.dumps({**note, "job": number}))
            return _Follower(client, number, folder=folder, run_id=run_id, on_event=on_event).to_its_end(
                cancel=cancel, deadline=time.monotonic() + job.timeout_s
            )

    def resume(
        self, *, folder: Path, on_event: EventHandler, timeout_s: float, cancel: Cancellation | None = None
    ) -> RunOutcome | None:
        """Follow the job of a run whose process here has died; see ``interface.Backend``."""
        try:
            note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None  # nothing had been launched
        with AwxClient(note["url"], token=self.token, ca_file=self.ca_file) as client:
            number = note["job"] or _find(client, note["template"], run_id=note["run_id"])
            if number is None:
                return None
            follower = _Follower(client, number, folder=folder, run_id=note["run_id"], on_event=on_event)
            return follower.to_its_end(cancel=cancel, deadline=time.monotonic() + timeout_s, end_late=False)

    def _template(self, playbook: str) -> str:
        name = playbook.removeprefix(PREFIX)
        if name not in self.templates:
            raise RunError(
                f"No job template of {self.url} is known for {playbook}",
                hint=f"Add {name}=NUMBER-OR-NAME to NETOPT_AWX_TEMPLATES.",
            )
        return self.templates[name]


def _launch(client: AwxClient, template: int, asked: Mapping[str, Any], *, run_id: str) -> int:
    """Launch a job once, and return its number.

    Raises:
        PromptError: AWX ignored something; the job is cancelled.
        RunError: AWX refused, or does not say what became of the launch.
    """
    try:
        answer = client.launch(template, asked)
    except LaunchUnclearError as unclear:
        number = _find(client, template, run_id=run_id)
        if number is None:
            raise RunError(
                f"{unclear.message}, and it has no job of run {run_id}", hint="Nothing was launched; try again."
            ) from None
        client.cancel(number)  # what it ignored, if anything, is in the answer that was lost
        raise RunError(
            f"{unclear.message}; job {number}, which it did launch, is cancelled", hint="Try again."
        ) from None
    number = answer.get("job", answer.get("id"))
    if not isinstance(number, int):
        raise RunError(f"{client.url} launched a job without saying which", hint="Look for it in AWX and cancel it.")
    ignored = awx_prompts.ignored(answer)
    if ignored:
        client.cancel(number)
        raise PromptError(
            f"AWX ignored {', '.join(ignored)}; job {number} is cancelled",
            hint="Turn 'Prompt on launch' on for these in the job template. Should the job have come to hosts before "
            f"it ended, `netopt rollback {run_id}` undoes that.",
        )
    return number


def _find(client: AwxClient, template: int, *, run_id: str) -> int | None:
    """Return the job of a run, by the variable that only this run has."""
    for job in client.newest_jobs(template):
        try:
            variables = json.loads(job.get("extra_vars") or "{}")
        except (ValueError, TypeError, RecursionError):
            continue
        number = job.get("id")
        if isinstance(variables, dict) and variables.get(RUN_VARIABLE) == run_id and isinstance(number, int):
            return number
    return None


class _Follower:
    """Follows one job: each of its events once and in order, and how it ended."""

    def __init__(self, client: AwxClient, number: int, *, folder: Path, run_id: str, on_event: EventHandler) -> None:
        self._client = client
        self._number = number
        self._log = folder / LOG
        self._run_id = run_id
        self._on_event = on_event
        self._seen = 0  # the counter up to which no event is missing
        self._ahead: set[int] = set()  # counters beyond a gap that were told already

    def to_its_end(self, *, cancel: Cancellation | None, deadline: float, end_late: bool = True) -> RunOutcome:
        """Follow the job to its end and return how it ended.

        Args:
            cancel: ends the job once it is set.
            deadline: monotonic time after which it is ended.
            end_late: whether it is; otherwise it is left alone then.

        Raises:
            RunError: it has not ended by the deadline and is left alone.
        """
        begun = time.monotonic()
        reason: Literal["cancelled", "timeout"] | None = None
        while True:
            job = self._client.job(self._number)
            self._tell(everything=False)
            if job["status"] in ENDED:
                break
            late = time.monotonic() > deadline
            if late and not end_late:
                raise RunError(f"Job {self._number} of {self._client.url} goes on", hint="Ask again later.")
            if reason is None and (late or (cancel is not None and cancel.is_set())):
                reason = "timeout" if late else "cancelled"
                self._client.cancel(self._number)
            self._pause(cancel if reason is None else None)
        self._await_last_events(job)
        self._log.write_text(_log(self._client, self._number, job), encoding="utf-8")
        status = ENDED[job["status"]]
        return RunOutcome(
            run_id=self._run_id,
            status=reason if reason and status != "successful" else status,
            rc=0 if status == "successful" else None,
            duration_s=time.monotonic() - begun,
            log=self._log,
        )

    def _pause(self, cancel: Cancellation | None) -> None:
        """Wait until AWX is asked again; shorter when the run is to end."""
        ends = time.monotonic() + POLL_S
        while time.monotonic() < ends and not (cancel is not None and cancel.is_set()):
            time.sleep(0.1)

    def _await_last_events(self, job: Mapping[str, Any]) -> None:
        """Wait until AWX has written every event of an ended job down, and tell those that are left."""
        ends = time.monotonic() + LAST_EVENTS_S
        while not job.get("event_processing_finished", True) and time.monotonic() < ends:
            time.sleep(POLL_S)
            self._tell(everything=False)
            job = self._client.job(self._number)
        self._tell(everything=True)

    def _tell(self, *, everything: bool) -> None:
        """Tell the events that are new. One that is missing holds up those after it, until ``everything`` is told."""
        position = self._seen
        while True:
            events = self._client.events(self._number, after=position)
            for event in events:
                counter = event["counter"]
                if counter <= self._seen or counter in self._ahead:
                    continue
                if counter == self._seen + 1:
                    self._seen = counter
                elif everything:
                    self._ahead.add(counter)
                else:
                    return
                self._on_event({"event": event["event"], "event_data": event.get("event_data") or {}})
            if len(events) < PAGE:
                return
            position = position + PAGE if everything else self._seen


def _log(client: AwxClient, number: int, job: Mapping[str, Any]) -> str:
    """Return what AWX has to say of a job: why it did not start, and what Ansible printed."""
    try:
        printed = client.stdout(number)
    except RunError as error:
        printed = str(error)
    why = [f"ERROR! {shortened(job[key])}" for key in ("job_explanation", "result_traceback") if job.get(key)]
    return "\n".join([f"Job {number} of {client.url}", *why, printed])


@contextmanager
def _alone(locks: Path | None, *, run_id: str) -> Iterator[None]:
    """Keep out other changes by way of AWX: which hosts a pattern means is known there and not here.

    Raises:
        RunError: another run is changing hosts.
    """
    if locks is None:
        yield
        return
    atomic_files.make_folder(locks)
    descriptor = os.open(locks / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 64, 0).decode(errors="replace") or "unknown"
            raise RunError(
                f"No host was touched: run {holder} is changing hosts by way of AWX",
                hint="Wait until it has ended, or cancel it, and run this again.",
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, run_id.encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _token(settings: Settings) -> str:
    if settings.awx_token:
        return settings.awx_token.strip()
    if settings.awx_token_file is None:
        raise SettingsError("NETOPT_AWX_TOKEN_FILE", "the backend awx needs a token")
    try:
        text = settings.awx_token_file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text or any(character.isspace() for character in text):
        raise SettingsError("NETOPT_AWX_TOKEN_FILE", f"{settings.awx_token_file} holds no token")
    return text


def _templates(text: str | None) -> dict[str, str]:
    """Return the job templates by playbook from ``apply=12, rollback=NetOpt rollback``."""
    found = {}
    for part in (text or "").split(","):
        playbook, equals, named = (word.strip() for word in part.partition("="))
        if not part.strip():
            continue
        if not (playbook and equals and named):
            raise SettingsError("NETOPT_AWX_TEMPLATES", f"expected PLAYBOOK=TEMPLATE, and it is {part.strip()!r}")
        found[playbook] = named
    return found
