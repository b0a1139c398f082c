# Copyright (c) 2026, The NetOpt Authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The few requests to AWX's API that a run needs, and what its answers mean.

Facts are from the published OpenAPI document of the controller (``/api/v2/``) and from AWX's documentation of the
launch endpoint. The token is sent in a header and appears nowhere else.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx2 as httpx

from mcp_bridge.backends.awx_answer import AS_IT_COMES, TEXT_MAX, Answer, TooLargeError, part, take, unlike_awx
from mcp_bridge.errors import RunError

API = "/api/v2"
PAGE = 200
SMALLER_PAGES = (20, 1)  # of events, where one is too large; each divides the one before
PAGES_MAX = 100  # of a list of job templates
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
            headers={"Authorization": f"Bearer {token}", "Accept": "application/json", **AS_IT_COMES},
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
            return self._template(self._get(f"/job_templates/{named}/"))
        found = [entry for entry in self._all("/job_templates/", search=named) if entry.get("name") == named]
        if len(found) != 1:
            raise RunError(
                f"{self.url} has {len(found) or 'no'} job template{'s' if len(found) > 1 else ''} named {named!r}",
                hint="Set NETOPT_AWX_TEMPLATES to names that there are, or to numbers.",
            )
        return self._template(found[0])

    def _template(self, found: dict[str, Any]) -> dict[str, Any]:
        part(found, "id", int, url=self.url)
        return found

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
            answer = self._sent("POST", f"/job_templates/{template}/launch/", json=dict(prompts))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error) from None
        except httpx.HTTPError as error:
            raise LaunchUnclearError(f"{self.url} gave no answer to the launch: {type(error).__name__}") from None
        except TooLargeError as error:
            raise LaunchUnclearError(error.message) from None
        if answer.status in GATEWAY_TROUBLE:
            raise LaunchUnclearError(f"{self.url} answered the launch with status {answer.status}")
        return self._object(answer)

    def newest_jobs(self, template: int) -> list[dict[str, Any]]:
        """Return the last jobs of a template, the newest first."""
        page = self._get(f"/job_templates/{template}/jobs/", order_by="-id", page_size=PAGE)
        found: list[dict[str, Any]] = part(page, "results", list, url=self.url)
        return found

    def job(self, job: int) -> dict[str, Any]:
        """Return a job."""
        found = self._get(f"/jobs/{job}/")
        part(found, "status", str, url=self.url)
        return found

    def events(self, job: int, *, after: int) -> list[dict[str, Any]]:
        """Return up to ``PAGE`` of a job's events in their order, from the page on that holds the one after ``after``.

        An event that alone is too large stands there without what it says.

        Args:
            job: the job.
            after: the counter of the last event of a sequence without gaps, 0 for none.
        """
        return self._events(job, page=after // PAGE, size=PAGE, smaller=SMALLER_PAGES)

    def _events(self, job: int, *, page: int, size: int, smaller: tuple[int, ...]) -> list[dict[str, Any]]:
        """Return a page of events, the first of which is 0; piece by piece, where it is too large at once."""
        try:
            answer = self._get(f"/jobs/{job}/job_events/", order_by="counter", page=page + 1, page_size=size)
        except NotFoundError:  # a page that there is not yet
            return []
        except TooLargeError:
            if not smaller:
                return [{"counter": page + 1, "event": "too_large"}]
            pieces = size // smaller[0]
            found = []
            for number in range(page * pieces, (page + 1) * pieces):
                found += self._events(job, page=number, size=smaller[0], smaller=smaller[1:])
            return found
        results = part(answer, "results", list, url=self.url)
        for event in results:
            part(event, "counter", int, url=self.url)
            part(event, "event", str, url=self.url)
            if not isinstance(event.get("event_data"), dict):
                event["event_data"] = {}
        return list(results)

    def stdout(self, job: int) -> str:
        """Return what Ansible printed, its beginning where it is long."""
        answer = self._request("GET", f"/jobs/{job}/stdout/", params={"format": "txt"}, cut_at=TEXT_MAX)
        return answer.text + (f"\n... only the first {TEXT_MAX} bytes; AWX has the rest" if answer.cut else "")

    def cancel(self, job: int) -> bool:
        """Ask for the end of a job and tell whether that was still possible."""
        return self._request("POST", f"/jobs/{job}/cancel/", allowed=(405,)).status != 405

    def _all(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        for page in range(1, PAGES_MAX + 1):
            answer = self._get(path, page=page, page_size=PAGE, **query)
            yield from part(answer, "results", list, url=self.url)
            if not answer.get("next"):
                return

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        return self._object(self._request("GET", path, params=query))

    def _sent(self, method: str, path: str, *, cut_at: int | None = None, **more: Any) -> Answer:
        """Send a request and take its answer in."""
        with self._http.stream(method, self._root + path, **more) as response:
            return take(response, url=self.url, cut_at=cut_at)

    def _request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        allowed: tuple[int, ...] = (),
        cut_at: int | None = None,
    ) -> Answer:
        """Send a request that may be repeated, and return its answer.

        Raises:
            RunError: AWX cannot be reached, or refuses.
        """
        for left in reversed(range(TRIES)):
            try:
                answer = self._sent(method, path, params=dict(params or {}), cut_at=cut_at)
            except httpx.HTTPError as error:
                if not left:
                    raise self._unreachable(error) from None
            else:
                if answer.status not in GATEWAY_TROUBLE or not left:
                    if not answer.is_success and answer.status not in allowed:
                        raise self._refusal(answer)
                    return answer
            time.sleep(PAUSE_S)
        raise AssertionError  # the last try returns or raises

    def _object(self, answer: Answer) -> dict[str, Any]:
        if not answer.is_success:
            raise self._refusal(answer)
        found = answer.object()
        if found is None:
            raise unlike_awx(self.url)
        return found

    def _refusal(self, answer: Answer) -> RunError:
        if answer.status == 404:
            return NotFoundError(
                f"{self.url} has no {answer.request}", hint="Check NETOPT_AWX_URL and NETOPT_AWX_TEMPLATES."
            )
        if answer.status in {401, 403}:
            return RunError(
                f"{self.url} refuses {answer.request} with status {answer.status}",
                hint="Check that the token is valid and that its user may execute the job template.",
            )
        return RunError(
            f"{self.url} answers {answer.request} with status {answer.status}: {answer.said}",
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
