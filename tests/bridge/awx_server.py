# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server with the part of AWX's API that netopt uses.

It holds every exchange against AWX's OpenAPI document, and carries jobs out with ansible-runner, so that their events
are real. As AWX does, it drops what a template does not let be asked, says so in ``ignored_fields``, and runs the job
all the same; it hands events out late and not always in order; and it answers with pages.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ansible_runner
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from mcp_bridge import COLLECTIONS_ROOT
from tests.bridge.awx_contract import Contract
from tests.waiting import until

TOKEN = "t0ken-of-the-tests-own-awx"  # noqa: S105 - it opens the server below
ASKABLE = {
    "limit": "ask_limit_on_launch",
    "extra_vars": "ask_variables_on_launch",
    "job_type": "ask_job_type_on_launch",
    "diff_mode": "ask_diff_mode_on_launch",
    "skip_tags": "ask_skip_tags_on_launch",
}
LATE_S = 0.3  # events are seen so long after they happened, every fifth of them twice as long
QUEUED_S = 1.0
MAX_PAGE = 200


@dataclass
class Template:
    """A job template."""

    id: int
    name: str
    playbook: str
    asks: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(ASKABLE.values(), True))
    needs: dict[str, Any] = field(default_factory=dict)
    says_it_asks: bool = False  # whether it claims to ask for everything, whatever is true

    def as_json(self) -> dict[str, Any]:
        """Return it as the list of job templates has it."""
        return {"id": self.id, "type": "job_template", "name": self.name, "playbook": self.playbook, **self.asks}

    def launch_config(self) -> dict[str, Any]:
        """Return what it lets be asked."""
        asks = dict.fromkeys(self.asks, True) if self.says_it_asks else self.asks
        config = {
            "can_start_without_user_input": True,
            "passwords_needed_to_start": [],
            "variables_needed_to_start": [],
            "inventory_needed_to_start": False,
            "credential_needed_to_start": False,
            "survey_enabled": False,
            "defaults": {"limit": "", "job_type": "run", "extra_vars": "---"},
        }
        return {**config, **asks, **self.needs}


@dataclass
class Job:
    """A job, and the thread that carries it out."""

    id: int
    template: Template
    asked: dict[str, Any]
    status: str = "pending"
    events: list[dict[str, Any]] = field(default_factory=list)
    stdout: str = ""
    stop: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    ended_at: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return it as the API has it."""
        finished = self.over.is_set()
        return {
            "id": self.id,
            "type": "job",
            "name": self.template.name,
            "job_template": self.template.id,
            "job_type": self.asked.get("job_type", "run"),
            "limit": self.asked.get("limit", ""),
            "extra_vars": json.dumps(self.asked.get("extra_vars", {})),
            "status": self.status,
            "failed": self.status in {"failed", "error", "canceled"},
            "job_explanation": "",
            "event_processing_finished": finished and time.monotonic() > self.ended_at + 3 * LATE_S,
            "created": datetime.now(UTC).isoformat(),
        }

    def seen(self) -> list[dict[str, Any]]:
        """Return the events that have arrived by now, in the order of their counters."""
        now = time.monotonic()
        late = [event for event in self.events if now > event["at"] + LATE_S * (2 if event["counter"] % 5 == 0 else 1)]
        return [
            {key: value for key, value in event.items() if key != "at"}
            for event in sorted(late, key=lambda event: event["counter"])
        ]


class Awx:
    """The server.

    Args:
        inventory: of the hosts on which jobs run.
        folder: for the jobs.
    """

    def __init__(self, inventory: str, folder: Path) -> None:
        self.inventory = inventory
        self.folder = folder
        self.templates = {
            number: Template(number, f"NetOpt {name}", f"netopt.linux.{name}")
            for number, name in enumerate(("apply", "confirm", "rollback", "verify", "checkpoints"), start=7)
        }
        self.jobs: dict[int, Job] = {}
        self.requests: list[str] = []
        self.wrong: list[str] = []
        self.trouble: dict[str, list[int]] = {}  # statuses with which the next requests to a path are answered
        self.lose_answer_to_launch = False
        self.url = ""
        self._contract = Contract()

    def app(self) -> Starlette:
        """Return the application."""
        return Starlette(routes=[Route("/{path:path}", self._any, methods=["GET", "POST", "PUT", "DELETE", "PATCH"])])

    def end(self) -> None:
        """End the jobs that go on."""
        for job in self.jobs.values():
            job.stop.set()
            job.over.wait(60)

    async def _any(self, request: Request) -> Response:
        method, path = request.method.lower(), request.url.path
        raw = await request.body()
        body = json.loads(raw) if raw else None
        self.requests.append(f"{method} {path}")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"detail": "Authentication credentials were not provided."}, 401)
        self.wrong += self._contract.request(method, path, query=dict(request.query_params), body=body)
        if self.trouble.get(path):
            return PlainTextResponse("upstream trouble", self.trouble[path].pop(0))
        parts = path.strip("/").split("/")[2:]
        if path.endswith("/stdout/"):
            return PlainTextResponse(self.jobs[int(parts[1])].stdout)
        status, answer = self._answer(method, parts, dict(request.query_params), body)
        self.wrong += self._contract.answer(method, path, status=status, body=answer)
        if self.lose_answer_to_launch and method == "post" and path.endswith("/launch/"):
            return PlainTextResponse("gateway timeout", 504)
        return Response(status_code=status) if answer is None else JSONResponse(answer, status)

    def _answer(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> tuple[int, Any]:  # noqa: PLR0911 - one for each route
        match method, parts:
            case "get", ["job_templates"]:
                wanted = query.get("search", "").lower()
                found = [entry.as_json() for entry in self.templates.values() if wanted in entry.name.lower()]
                return _page(found, query)
            case "get", ["job_templates", number]:
                template = self.templates.get(int(number))
                return (200, template.as_json()) if template else (404, {"detail": "Not found."})
            case "get", ["job_templates", number, "launch"]:
                return 200, self.templates[int(number)].launch_config()
            case "post", ["job_templates", number, "launch"]:
                return self._launch(self.templates[int(number)], body or {})
            case "get", ["job_templates", number, "jobs"]:
                jobs = [job for job in self.jobs.values() if job.template.id == int(number)]
                jobs.sort(key=lambda job: job.id, reverse=query.get("order_by") == "-id")
                return _page([job.as_json() for job in jobs], query)
            case "get", ["jobs", number]:
                return 200, self.jobs[int(number)].as_json()
            case "get", ["jobs", number, "job_events"]:
                return _page(self.jobs[int(number)].seen(), query)
            case "post", ["jobs", number, "cancel"]:
                job = self.jobs[int(number)]
                if job.over.is_set():
                    return 405, {"detail": 'Method "POST" not allowed.'}
                job.stop.set()
                return 202, {}
        return 404, {"detail": "Not found."}

    def _launch(self, template: Template, body: dict[str, Any]) -> tuple[int, Any]:
        ignored = {name: value for name, value in body.items() if not template.asks[ASKABLE[name]]}
        asked = {name: value for name, value in body.items() if name not in ignored}
        job = Job(len(self.jobs) + 100, template, asked)
        self.jobs[job.id] = job
        threading.Thread(target=self._carry_out, args=(job,), name=f"awx-job-{job.id}").start()
        return 201, {**job.as_json(), "job": job.id, "ignored_fields": ignored}

    def _carry_out(self, job: Job) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f"job-{job.id}-", dir=self.folder))
        if job.stop.wait(QUEUED_S):  # a job waits for its turn, and one that is cancelled meanwhile never runs
            job.status, job.ended_at = "canceled", time.monotonic()
            job.over.set()
            return
        job.status = "running"

        def take(event: dict[str, Any]) -> bool:
            data = event.get("event_data") or {}
            job.events.append(
                {
                    "id": len(job.events) + 1,
                    "type": "job_event",
                    "job": job.id,
                    "event": event["event"],
                    "counter": event["counter"],
                    "event_data": data,
                    "host_name": data.get("host", ""),
                    "task": data.get("task", ""),
                    "uuid": event["uuid"],
                    "stdout": event["stdout"][:1024],
                    "at": time.monotonic(),
                }
            )
            return False

        ended = ansible_runner.run(
            private_data_dir=str(folder),
            playbook=job.template.playbook,
            inventory=self.inventory,
            limit=job.asked.get("limit") or None,
            extravars=job.asked.get("extra_vars") or None,
            cmdline="--check" if job.asked.get("job_type") == "check" else None,
            envvars={
                "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS_ROOT),
                "ANSIBLE_PIPELINING": "True",
                "MAX_EVENT_RES": "700000",
            },
            settings={"pexpect_timeout": 1, "suppress_ansible_output": True},
            event_handler=take,
            cancel_callback=job.stop.is_set,
            quiet=True,
        )
        job.stdout = ended.stdout.read()
        job.status = "canceled" if ended.status == "canceled" else ended.status
        job.ended_at = time.monotonic()
        job.over.set()


def _page(entries: list[dict[str, Any]], query: dict[str, str]) -> tuple[int, Any]:
    size = min(int(query.get("page_size", "25")), MAX_PAGE)
    number = int(query.get("page", "1"))
    if number > 1 and (number - 1) * size >= len(entries):
        return 404, {"detail": "Invalid page."}
    more = f"/api/v2/?page={number + 1}" if number * size < len(entries) else None
    chosen = entries[(number - 1) * size : number * size]
    return 200, {"count": len(entries), "next": more, "previous": None, "results": chosen}


@contextmanager
def serving(awx: Awx) -> Iterator[Awx]:
    """Let the server answer at ``awx.url``."""
    server = uvicorn.Server(uvicorn.Config(awx.app(), host="127.0.0.1", port=0, log_level="error"))
    thread = threading.Thread(target=server.run, name="awx")
    thread.start()
    until(lambda: server.started, 60, "a server that answers", every_s=0.02)
    awx.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield awx
    finally:
        awx.end()
        server.should_exit = True
        thread.join()
