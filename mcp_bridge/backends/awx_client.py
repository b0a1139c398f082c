# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few requests to AWX's API that a run needs, and what its answers mean.

Facts are from the published OpenAPI document of the controller (``/api/v2/``) and from AWX's documentation of the
launch endpoint. The token is sent in a header and appears nowhere else.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx

from mcp_bridge.errors import RunError

API = "/api/v2"
PAGE = 200
TIMEOUT_S = 30.0
TRIES = 4
PAUSE_S = 1.0
GATEWAY_TROUBLE = frozenset({429, 502, 503, 504})


class AwxClient:
    """An AWX, on behalf of one of its users.

    Args:
        url: AWX's address, with or without ``/api/v2``.
        token: of the user.
        ca_file: certificates that vouch for AWX, ``None`` for the system's.
    """

    def __init__(self, url: str, *, token: str, ca_file: Path | None = None) -> None:
        base = url.rstrip("/")
        self.url = base.removesuffix(API)
        self._root = base if "/api/" in f"{base}/" else base + API
        verify: ssl.SSLContext | bool = True
        if ca_file is not None:
            try:
                verify = ssl.create_default_context(cafile=str(ca_file))
            except OSError as error:
                raise RunError(
                    f"The certificates in {ca_file} cannot be used: {error}",
                    hint="Set NETOPT_AWX_CA_FILE to a PEM file.",
                ) from None
        self._http = httpx.Client(
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
            timeout=TIMEOUT_S,
            verify=verify,
            follow_redirects=False,  # the token goes to the address that was configured and to no other
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Close its connections."""
        self._http.close()

    def template(self, named: str) -> dict[str, Any]:
        """Return a job template by its number or its exact name.

        Raises:
            RunError: there is none, or several have that name.
        """
        if named.isascii() and named.isdigit():
            return self._get(f"/job_templates/{named}/")
        found = [entry for entry in self._all("/job_templates/", search=named) if entry.get("name") == named]
        if len(found) != 1:
            raise RunError(
                f"{self.url} has {len(found) or 'no'} job template{'s' if len(found) > 1 else ''} named {named!r}",
                hint="Set NETOPT_AWX_TEMPLATES to names that there are, or to numbers.",
            )
        return found[0]

    def prompts(self, template: int) -> dict[str, Any]:
        """Return what a job template lets be asked when it is launched."""
        return self._get(f"/job_templates/{template}/launch/")

    def launch(self, template: int, prompts: Mapping[str, Any]) -> dict[str, Any]:
        """Launch a job and return AWX's answer, with ``job`` and ``ignored_fields``. Never tried twice.

        Raises:
            LaunchUnclearError: no answer came, so that the job may or may not have been launched.
            RunError: AWX refused.
        """
        try:
            response = self._http.post(f"{self._root}/job_templates/{template}/launch/", json=dict(prompts))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error) from None
        except httpx.HTTPError as error:
            raise LaunchUnclearError(f"{self.url} gave no answer to the launch: {type(error).__name__}") from None
        if response.status_code in GATEWAY_TROUBLE:
            raise LaunchUnclearError(f"{self.url} answered the launch with status {response.status_code}")
        return self._answer(response)

    def newest_jobs(self, template: int) -> list[dict[str, Any]]:
        """Return the last jobs of a template, the newest first."""
        page = self._get(f"/job_templates/{template}/jobs/", order_by="-id", page_size=PAGE)
        found: list[dict[str, Any]] = page["results"]
        return found

    def job(self, job: int) -> dict[str, Any]:
        """Return a job."""
        return self._get(f"/jobs/{job}/")

    def events(self, job: int, *, after: int) -> list[dict[str, Any]]:
        """Return up to ``PAGE`` of a job's events in their order, from the page on that holds the one after ``after``.

        Args:
            job: the job.
            after: the counter of the last event of a sequence without gaps, 0 for none.
        """
        page = after // PAGE + 1
        try:
            answer = self._get(f"/jobs/{job}/job_events/", order_by="counter", page=page, page_size=PAGE)
        except NotFoundError:  # a page that there is not yet
            return []
        found: list[dict[str, Any]] = answer["results"]
        return found

    def stdout(self, job: int) -> str:
        """Return what Ansible printed."""
        response = self._request("GET", f"/jobs/{job}/stdout/", params={"format": "txt"})
        return response.text

    def cancel(self, job: int) -> bool:
        """Ask for the end of a job and tell whether that was still possible."""
        response = self._request("POST", f"/jobs/{job}/cancel/", allowed=(405,))
        return response.status_code != 405

    def _all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = self._get(path, page=page, page_size=PAGE, **query)
            yield from answer["results"]
            if not answer.get("next"):
                return
            page += 1

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._answer(self._request("GET", path, params=query))

    def _request(
        self, method: str, path: str, *, params: Mapping[str, Any] | None = None, allowed: tuple[int, ...] = ()
    ) -> httpx.Response:
        """Send a request that may be repeated, and return its answer.

        Raises:
            RunError: AWX cannot be reached, or refuses.
        """
        for left in reversed(range(TRIES)):
            try:
                response = self._http.request(method, self._root + path, params=dict(params or {}))
            except httpx.HTTPError as error:
                if not left:
                    raise self._unreachable(error) from None
            else:
                if response.status_code not in GATEWAY_TROUBLE or not left:
                    if not response.is_success and response.status_code not in allowed:
                        raise self._refusal(response)
                    return response
            time.sleep(PAUSE_S)
        raise AssertionError  # the last try returns or raises

    def _answer(self, response: httpx.Response) -> dict[str, Any]:
        if not response.is_success:
            raise self._refusal(response)
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise RunError(
                f"{self.url} does not answer as AWX does",
                hint="NETOPT_AWX_URL is AWX's address, not that of its pages.",
            )
        return found

    def _refusal(self, response: httpx.Response) -> RunError:
        request = f"{response.request.method} {response.request.url.path}"
        if response.status_code == 404:
            return NotFoundError(f"{self.url} has no {request}", hint="Check NETOPT_AWX_URL and NETOPT_AWX_TEMPLATES.")
        if response.status_code in {401, 403}:
            return RunError(
                f"{self.url} refuses {request} with status {response.status_code}",
                hint="Check that the token is valid and that its user may execute the job template.",
            )
        return RunError(
            f"{self.url} answers {request} with status {response.status_code}: {_said(response)}",
            hint="See AWX's own log.",
        )

    def _unreachable(self, error: httpx.HTTPError) -> RunError:
        return RunError(
            f"{self.url} cannot be reached: {str(error) or type(error).__name__}",
            hint="Check NETOPT_AWX_URL, and NETOPT_AWX_CA_FILE where its certificate is not known.",
        )


class NotFoundError(RunError):
    """AWX has no such thing."""


class LaunchUnclearError(RunError):
    """Whether a job was launched is not known."""


def _said(response: httpx.Response) -> str:
    """Return what AWX says about a refusal, in one line."""
    try:
        text = json.dumps(response.json(), ensure_ascii=False)
    except ValueError:
        text = response.text
    return " ".join(text.split())[:300]
