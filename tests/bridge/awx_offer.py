# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets the test's own AWX up with ``contrib/awx/set_up.yml`` and the real awx.awx, and launches what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from mcp_bridge import COLLECTIONS_ROOT
from tests.bridge.awx_server import TOKEN, Job
from tests.bridge.awx_setup_server import Controller

SET_UP = COLLECTIONS_ROOT / "contrib" / "awx" / "set_up.yml"
AWX_AWX = COLLECTIONS_ROOT / ".ansible" / "collections" / "ansible_collections" / "awx" / "awx"
SITE = {
    "netopt_awx_project_url": "https://git.example.org/netopt.git",
    "netopt_awx_project_branch": "v0.1.0",
    "netopt_awx_image": "images.example.org/netopt-ee:0.1.0",
    "netopt_awx_inventory_path": "inventory.yml",
    "netopt_awx_credentials": ["key of the fleet"],
    "netopt_awx_instance_groups": ["site-a"],
    "netopt_awx_policy_dir": "/runner/project/policy",
}
WAIT_S = 120.0


def set_up(awx: Controller) -> str:
    """Run the playbook and return what it printed."""
    if not AWX_AWX.is_dir():
        pytest.skip(f"the collection awx.awx is not in {AWX_AWX.parents[2]}: run make setup")
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(COLLECTIONS_ROOT / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PIPELINING": "True",
        "CONTROLLER_HOST": awx.url,
        "CONTROLLER_OAUTH_TOKEN": TOKEN,
    }
    words = [str(Path(sys.executable).with_name("ansible-playbook")), str(SET_UP), "-e", json.dumps(SITE)]
    done = subprocess.run(words, cwd=COLLECTIONS_ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def post(awx: Controller, name: str, **prompts: Any) -> httpx.Response:
    """Launch a template as AWX's pages do, and return the answer."""
    number = awx.named("job_templates", name)["id"]
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.post(f"{awx.url}/api/v2/job_templates/{number}/launch/", json=prompts, headers=headers)


def launch(awx: Controller, name: str, **prompts: Any) -> Job:
    """Launch a template, wait for its job, and return that."""
    answer = post(awx, name, **prompts)
    assert answer.status_code == 201, answer.text
    job = awx.jobs[answer.json()["job"]]
    assert job.over.wait(WAIT_S)
    return job


def artifacts(job: Job) -> dict[str, Any]:
    """Return what a job hands on to the next ones of its workflow."""
    found = [event["event_data"].get("artifact_data") for event in job.events if event["event"] == "playbook_on_stats"]
    return found[-1] or {}
