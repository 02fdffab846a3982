# Copyright (c) the aks.backup contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Resource Manager as verbs on resource IDs, over Microsoft's own client packages. Private to the collection.

Documents go in and come out as wire JSON (camelCase), so that whatever a newer service adds survives an update.
``_dry_run`` has the same verbs for check mode.
"""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from ansible_collections.aks.backup.plugins.module_utils import _ids, _replies
from ansible_collections.aks.backup.plugins.module_utils._auth import choose, credential
from ansible_collections.aks.backup.plugins.module_utils._clients import Clients
from ansible_collections.aks.backup.plugins.module_utils._cloud import Cloud, replace_file
from ansible_collections.aks.backup.plugins.module_utils._errors import (
    AzureError,
    BackupError,
    Missing,
    Refused,
    TimedOut,
    listed,
)
from ansible_collections.aks.backup.plugins.module_utils._types import (
    BY_PATH,
    PASSING,
    POSTS,
    QUESTIONS,
    READS,
    RESOURCE_GRAPH,
    RESOURCES,
    TYPES,
    Operations,
)
from ansible_collections.aks.backup.plugins.module_utils._wait import Deadline

Document = dict[str, Any]
T = TypeVar("T")

# Rows of a page of Azure Resource Graph; no more are to be had at once.
SEARCH_PAGE = 1000


class Arm:
    """Azure. Safe to use from several threads. ``operations`` lists what was written, in order, for the result.

    ``tell`` takes a line on how a long job stands, for whoever watches.
    """

    tell: Callable[[str], Any] = staticmethod(lambda line: None)

    def __init__(self, params: Mapping[str, Any], cloud: Cloud, deadline: Deadline, transport_options: dict[str, Any],
                 shared_directory: str | None = None) -> None:  # fmt: skip
        self.subscription_id: str = params["subscription_id"]
        self.cloud = cloud
        self.deadline = deadline
        self.interval: float = params["poll_interval"]
        self.operations: list[Document] = []
        self._params = params
        self._transport_options = transport_options
        self._clients = Clients(params, cloud, deadline, transport_options, shared_directory)
        self._lock = threading.Lock()

    @property
    def tenant_id(self) -> str | None:
        """The tenant in which the tokens are issued: the user's option, else what the access token says."""
        if self._params.get("tenant"):
            return str(self._params["tenant"])
        token = self._ask(lambda: self._clients.credential.get_token(self.cloud.scope), "sign in", "")
        try:
            payload = token.token.split(".")[1]
            found: str | None = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("tid")
            return found
        except (IndexError, ValueError):
            return None

    # Reading

    def get(self, id_: str) -> Document | None:
        """The document, or None when the resource does not exist. Only reads take 404 for an answer."""
        return self.read(id_)[0]

    def read(self, id_: str) -> tuple[Document | None, float | None]:
        """The document and the Retry-After in seconds that came with it."""
        parsed, row = _row(id_)

        def call() -> Any:
            operation = self._clients.operation(parsed.subscription, row.package, row.group, row.get)
            return operation(*row.arguments(parsed), cls=_replies.reply, timeout=self.deadline.remaining())

        try:
            return self._ask(call, f"read {id_}", id_)
        except AzureError as exc:
            if _replies.says_absent(exc):
                return None, None
            raise

    def list_all(self, type_: str, parent_id: str, **query: Any) -> list[Document]:
        """All children of a type below a resource, a resource group, a subscription, a region or a scope; every page.
        A missing parent has none.
        """
        parsed = _ids.parse(parent_id)

        def call() -> list[Document]:
            if type_.lower() in BY_PATH:
                return self._pages(parsed.subscription, f"{parent_id}/providers/{type_}", BY_PATH[type_.lower()])
            row = TYPES[type_.lower()]
            everywhere = bool(row.everywhere) and parsed.type == "microsoft.resources/subscriptions"
            listing = row.everywhere if everywhere else row.list
            arguments = () if everywhere else row.list_arguments(parsed, parent_id)
            operation = self._clients.operation(parsed.subscription, row.package, row.group, listing)
            return [_replies.wire(item) for item in operation(*arguments, timeout=self.deadline.remaining(), **query)]

        try:
            return self._ask(call, f"list {type_} below {parent_id}", parent_id)
        except AzureError as exc:
            if _replies.says_absent(exc):
                return []
            raise

    def require(self, id_: str, noun: str, way: str) -> Document:
        """The document of something that has to exist; raises :class:`Missing` with the way to get it."""
        document = self.get(id_)
        if document is None:
            raise Missing(f"The {noun} {id_} does not exist. {way}", resource_id=id_)
        return document

    def fetch(self, id_: str, verb: str, body: Mapping[str, Any], **query: Any) -> list[Document]:
        """The documents that a verb of :data:`READS` answers with; every page. Where there is one, a list of one."""
        parsed, row = _row(id_)
        package, group, name = READS[(parsed.type, verb)]
        stream = _replies.stream(body)

        def call() -> list[Document]:
            operation = self._clients.operation(parsed.subscription, package, group, name)
            options: Document = {"timeout": self.deadline.remaining(), **query}
            if name == "get":
                return [operation(*row.arguments(parsed), stream, cls=_replies.reply, **options)[0] or {}]
            return [_replies.wire(item) for item in operation(*row.arguments(parsed), stream, **options)]

        return self._ask(call, f"carry out {verb} on {id_}", id_, (stream,))

    def consult(self, id_: str, verb: str, body: Mapping[str, Any] | None = None, **query: Any) -> Document:
        """The one document that a verb of :data:`READS` answers with, waited for where the answer takes its time."""
        parsed, row = _row(id_)
        package, group, name = READS[(parsed.type, verb)]
        arguments = (*row.arguments(parsed), _replies.stream(body)) if body is not None else row.arguments(parsed)
        row = row._replace(package=package, group=group)
        return self._write("POST", f"{id_}/{verb}", row, name, arguments, f"carry out {verb} on {id_}", True, query)

    def token(self, scope: str) -> str:
        """A token of the caller for something else than Azure Resource Manager."""
        if choose(self._params) == "access_token":
            raise Refused(
                f"access_token is for Azure Resource Manager, and a token for {scope} is needed as well. Sign in in "
                "another way."
            )
        cloud = dataclasses.replace(self.cloud, scope=scope)
        source = credential(self._params, cloud, self._transport_options)
        return str(self._ask(lambda: source.get_token(scope), f"sign in to {scope}", "").token)

    def beside(self, other: Arm) -> Arm:
        """Something else that has the same verbs, to be written to if this is."""
        return other

    def apart(self) -> Arm:
        """The same for work that would be a task of its own: a plan does not build on the plan of another task."""
        return self

    def search(
        self, query: str, subscriptions: list[str], management_groups: list[str] | None = None, most: int | None = None
    ) -> list[Document]:
        """The rows that Azure Resource Graph answers a query with, every page; with ``most``, the first so many.

        Over subscriptions or management groups; without both, over all that the caller may read in the tenant. Resource
        Graph lags behind what it shows by seconds to minutes. It follows pages only where a query gives an id.
        """
        scope = {"subscriptions": subscriptions, "managementGroups": management_groups}
        asked = {"query": query, **{key: value for key, value in scope.items() if value}}
        found: list[Document] = []
        more: Document = {}
        while True:
            options = {"resultFormat": "objectArray", "$top": min(most or SEARCH_PAGE, SEARCH_PAGE), **more}
            stream = _replies.stream({**asked, "options": options})

            def call(stream: io.BytesIO = stream) -> Document:
                operation = self._clients.operation(self.subscription_id, RESOURCE_GRAPH, "", "resources")
                return operation(stream, cls=_replies.reply, timeout=self.deadline.remaining())[0] or {}

            try:
                page = self._ask(call, "search Azure Resource Graph", "", (stream,))
            except AzureError as exc:
                if exc.code != "AccessDenied":
                    raise
                where = listed([*subscriptions, *(management_groups or [])], 3) or "the tenant"
                raise AzureError(
                    f"The caller may read nothing of {where}, or there is no such place. Check IDs and names, and give "
                    f"the caller the role Reader there. {exc.message}",
                    **exc.facts,
                ) from exc
            found += page.get("data") or []
            if most and len(found) >= most:
                return found[:most]
            if not page.get("$skipToken"):
                if str(page.get("resultTruncated")).lower() == "true":
                    # A report that silently lacks rows would be worse than none.
                    raise BackupError("Azure Resource Graph kept back rows of its answer, and no way to ask for them.")
                return found
            more = {"$skipToken": page["$skipToken"]}

    # Beside Azure

    def save(self, path: str, text: str) -> None:
        """Write a file where the task runs, at once: a reader sees the old content or the new."""
        try:
            replace_file(path, text)
        except OSError as exc:
            raise BackupError(f"{path} cannot be written where this task runs: {exc.strerror or exc}.") from exc

    # Writing

    def put(self, id_: str, body: Mapping[str, Any]) -> Document:
        """Create or replace, and wait for the operation. The reply can show old values: read again for the truth."""
        parsed, row = _row(id_)
        arguments = (*row.arguments(parsed), _replies.stream(body))
        return self._write("PUT", id_, row, row.put, arguments, f"create or update {id_}")

    def patch(self, id_: str, body: Mapping[str, Any]) -> Document:
        parsed, row = _row(id_)
        arguments = (*row.arguments(parsed), _replies.stream(body))
        return self._write("PATCH", id_, row, row.patch, arguments, f"update {id_}")

    def undelete(self, id_: str, deleted: Mapping[str, Any], body: Mapping[str, Any]) -> Document:
        """Bring a soft-deleted vault back: a PUT with what is not kept, which names the document of what is.

        Only versions of the service that know deleted vaults take it; the pinned one of vaults does not.
        """
        parsed, row = _row(id_)
        row = row._replace(package=TYPES[_ids.parse(deleted["id"]).type].package)
        arguments = (*row.arguments(parsed), _replies.stream(body))
        named = {"x_ms_deleted_vault_id": deleted["name"]}
        return self._write("PUT", id_, row, row.put, arguments, f"bring back {id_}", named=named)

    def delete(self, id_: str, **named: Any) -> None:
        """Delete. ``named`` is what else the type's own delete takes, such as force_delete of extensions.

        Azure refuses to delete what is being deleted already, by a run that was killed or by the first of two requests
        of which the answer got lost. That is waited for to end.
        """
        parsed, row = _row(id_)
        try:
            self._write("DELETE", id_, row, row.delete, row.arguments(parsed), f"delete {id_}", named=named)
        except AzureError as refused:
            if not 400 <= refused.facts.get("status", 0) < 500:
                raise
            try:
                self.wait(id_, partial(_going, refused))
            except AzureError:
                raise refused from None

    def post(
        self, id_: str, verb: str, body: Mapping[str, Any] | None = None, request_id: str | None = None
    ) -> Document:
        """Carry out a verb of :data:`POSTS` and wait for it; the reply is empty for most.

        ``request_id``, a GUID, is the client's own name for the request. A job bears it as its activity.
        """
        parsed, row = _row(id_)
        package, group, operation = POSTS[(parsed.type, verb)]
        arguments = (*row.arguments(parsed), _replies.stream(body)) if body is not None else row.arguments(parsed)
        what = f"carry out {verb} on {id_}"
        row = row._replace(package=package, group=group)
        named = {"request_id": request_id} if request_id else None
        question = verb in QUESTIONS
        return self._write("POST", f"{id_}/{verb}", row, operation, arguments, what, question, named)

    # Waiting

    def wait(
        self,
        id_: str,
        pending: Callable[[Document | None], str | None],
        document: Document | None = None,
        read: Callable[[], tuple[Document | None, float | None]] | None = None,
    ) -> Document | None:
        """Read until ``pending`` no longer names something to wait for; returns the last document.

        ``document`` is a first look that was taken already, ``read`` another way to look than at ``id_`` itself.
        Pauses for the reply's Retry-After, else for poll_interval.
        """
        look = read or partial(self.read, id_)
        pause: float | None = None
        if document is None:
            document, pause = look()
        while what := pending(document):
            self.deadline.pause(self.interval if pause is None else pause, what)
            try:
                document, pause = look()
            except TimedOut as late:
                # What is waited for says more than which request of many the deadline happened to meet.
                raise self.deadline.passed(what) from late
        return document

    def together(self, calls: Iterable[Callable[[], T]]) -> list[T]:
        """Run independent calls at the same time; results in order. The first error is raised after all have ended."""
        todo = list(calls)
        if len(todo) < 2:
            return [call() for call in todo]
        with ThreadPoolExecutor(max_workers=min(8, len(todo))) as pool:
            return [future.result() for future in [pool.submit(call) for call in todo]]

    # Below: how a call is made

    def _write(
        self,
        method: str,
        id_: str,
        row: Operations,
        name: str,
        arguments: tuple[Any, ...],
        what: str,
        question: bool = False,
        named: Mapping[str, Any] | None = None,
    ) -> Document:
        subscription = _ids.segment(id_, "subscriptions")
        entry: Document = {"method": method, "id": id_, "status": None, "request_id": None}

        def first_reply(response: Any) -> None:
            # Called for the first reply and for every poll; the first is the one that counts.
            if entry["status"] is None:
                entry["status"] = response.http_response.status_code
                entry["request_id"] = response.http_response.headers.get("x-ms-request-id")

        def call() -> Document:
            entry["status"] = None
            operation = self._clients.operation(subscription, row.package, row.group, name)
            options: Document = {"cls": _replies.reply, "raw_response_hook": first_reply, **(named or {})}
            if not name.startswith("begin_"):
                return operation(*arguments, timeout=self.deadline.remaining(), **options)[0] or {}
            poller = operation(*arguments, polling_interval=self.interval, **options)
            poller.wait(timeout=self.deadline.remaining())
            if not poller.done():
                raise self.deadline.passed(f"Azure to {what}")
            return (poller.result() or (None,))[0] or {}

        try:
            return self._ask(call, what, id_, arguments)
        finally:
            # A write that Azure answered counts, even when the operation behind it failed later.
            if entry["status"] is not None and not question:
                with self._lock:
                    self.operations.append(entry)

    def _ask(self, call: Callable[[], T], what: str, id_: str, arguments: tuple[Any, ...] = ()) -> T:
        """Make the call, translate its errors, and repeat it while the refusal is one that passes by itself."""
        from azure.core import exceptions

        while True:
            for argument in arguments:
                if isinstance(argument, io.BytesIO):
                    argument.seek(0)
            try:
                return call()
            except exceptions.ClientAuthenticationError as exc:
                hint = _replies.hint(exc) or "Check the credentials and the tenant."
                raise BackupError(f"Signing in to Azure failed: {_replies.first_line(exc)} {hint}") from exc
            except exceptions.HttpResponseError as exc:
                error = _replies.translate(exc, what, id_)
                passing = PASSING.get((error.facts.get("status", 0), error.code or ""))
                if error.facts.get("status") == 429:
                    passing = "Azure to take more requests"
                if passing is None:
                    raise error from exc
                try:
                    self.deadline.pause(_replies.retry_after(exc.response) or self.interval, passing)
                except BackupError as late:
                    raise AzureError(f"{error.message} {late.message}", **error.facts) from exc
            except exceptions.AzureError as exc:
                if self.deadline.remaining() <= 0:
                    raise self.deadline.passed(f"Azure to {what}") from exc
                message = f"Azure could not be reached to {what}: {_replies.first_line(exc)} {_replies.hint(exc)}"
                raise AzureError(message.rstrip(), resource_id=id_) from exc

    def _pages(self, subscription: str, path: str, api_version: str) -> list[Document]:
        """Every page of a list that is read by its path."""
        operation = self._clients.operation(subscription, RESOURCES, "resources", "get_by_id")
        found: list[Document] = []
        query: dict[str, str] = {}
        while True:
            page = operation(
                path, api_version=api_version, params=query, cls=_replies.reply, timeout=self.deadline.remaining()
            )
            body = page[0] or {}
            found += body.get("value") or []
            following = urllib.parse.urlsplit(body.get("nextLink") or "").query
            if not following:
                return found
            # The link as it is, but for the api-version, which the client sends itself.
            query = {key: value for key, value in urllib.parse.parse_qsl(following) if key != "api-version"}


def _row(id_: str) -> tuple[_ids.ResourceId, Operations]:
    parsed = _ids.parse(id_)
    return parsed, TYPES[parsed.type]


def _going(refused: AzureError, document: Document | None) -> str | None:
    """What is waited for while something is being deleted. Raises the refusal for what is not."""
    properties = (document or {}).get("properties") or {}
    states = {str(properties.get(key)).lower() for key in ("provisioningState", "currentProtectionState")}
    if document is not None and not states & {"deleting", "softdeleting"}:
        raise refused
    return "the deletion to end" if document is not None else None
