"""
The API description as a judge: every answer the daemon gives and every event
it tells is held against C{openapi.yaml}.
"""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from attrs import define, evolve, field, frozen
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from jsonschema_rs import Draft202012Validator as Fast

DESCRIPTION = Path(__file__).parent.parent / "teamchatd" / "http" / "openapi.yaml"

METHODS = ("get", "post", "put", "delete")

PROMISED_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}

REFUSED_UNROUTED = {400: "BadInput", 413: "TooLarge", 429: "TooMany"}
"""What may be said before anyone has looked where a request leads."""

EMPTY_STREAM = b":\n\n"

IMAGES = {
    "image/jpeg": rb"\xff\xd8\xff",
    "image/png": rb"\x89PNG\r\n\x1a\n",
    "image/webp": rb"RIFF....WEBP",
    "image/svg+xml": rb".*<([\w-]+:)?svg\b",
}
"""How files of these types begin."""

PART = re.compile("bytes ([0-9]+)-([0-9]+)/([0-9]+)")

Strict = extend(
    Draft202012Validator,
    # JSON Schema takes 1.0 for an integer, and so would hide times that went through a float.
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    ),
)


def has_whole_float(value: Any) -> bool:
    """
    Is there a 1.0 in it?  L{Fast} takes that for an integer.
    """
    if isinstance(value, dict):
        return any(map(has_whole_float, value.values()))
    if isinstance(value, list):
        return any(map(has_whole_float, value))
    return isinstance(value, float) and value.is_integer()


@cache
def described() -> dict[str, Any]:
    return yaml.load(DESCRIPTION.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def pointer(*steps: str) -> str:
    return "#/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


def at(where: str, document: Any) -> Any:
    """
    What a pointer points at.
    """
    for step in where.removeprefix("#/").split("/"):
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


def spelled_out(schema: Any, document: Any) -> Any:
    """
    A schema with what it refers to in place of every reference: following them
    again for every value would take three times as long.
    """
    if isinstance(schema, list):
        return [spelled_out(each, document) for each in schema]
    if not isinstance(schema, dict):
        return schema
    mine = {key: spelled_out(each, document) for key, each in schema.items() if key != "$ref"}
    if "$ref" not in schema:
        return mine
    meant = spelled_out(at(schema["$ref"], document), document)
    if not mine.keys() - {"description"}:
        return meant
    return {**mine, "allOf": [*mine.get("allOf", []), meant]}


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key stands twice in {found}")
    return found


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def methods_in(allow: str) -> set[str]:
    return {method.strip() for method in allow.split(",")}


@frozen
class Answer:
    """
    What came back, and for what.
    """

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def require(self, fine: bool, what: str) -> None:
        if not fine:
            raise AssertionError(f"{self.method} {self.path} {self.status}: {what}")

    def header(self, name: str) -> str:
        self.require(name in self.headers, f"there is no {name}")
        return self.headers[name]

    def media_type(self) -> str:
        return self.header("content-type").partition(";")[0].strip().lower()

    def text(self) -> str:
        try:
            return self.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise AssertionError(f"{self.method} {self.path} {self.status}: {error}") from None

    def json(self) -> Any:
        try:
            return json.loads(
                self.text(), object_pairs_hook=without_duplicates, parse_constant=no_constant
            )
        except ValueError as error:
            self.require(False, f"not JSON, {error}: {self.body[:200]!r}")


@frozen
class Template:
    """
    A path of the description, C{{channelId}} and all.
    """

    path: str
    segments: tuple[str, ...]
    methods: frozenset[str]
    has_mode: bool
    """Is it there in one sign-in mode only, and 404 in the others?"""
    has_slashes: bool
    """May its last part have some?  OpenAPI has no word for that."""

    @classmethod
    def described(cls, path: str, item: Mapping[str, Any]) -> "Template":
        methods = frozenset(method.upper() for method in METHODS if method in item)
        segments = tuple(path[1:].split("/"))
        return cls(path, segments, methods, "x-auth-mode" in item, "x-slashes" in item)

    def generality(self) -> list[bool]:
        """
        Sorts C{/users/me} before C{/users/{userId}}.
        """
        return [segment.startswith("{") for segment in self.segments]

    def fits(self, segments: list[str]) -> bool:
        if self.has_slashes and "" not in segments:
            segments = segments[: len(self.segments)]
        return len(segments) == len(self.segments) and all(
            given != "" if mine.startswith("{") else given == mine
            for mine, given in zip(self.segments, segments, strict=True)
        )


@define
class Contract:
    """
    Checks what the daemon says, and remembers what it has said.

    @ivar seen: the answers that were right, as (method, template, status).
    @ivar seen_events: the types of the events that were right.
    """

    seen: set[tuple[str, str, int]] = field(factory=set, init=False)
    seen_events: set[str] = field(factory=set, init=False)
    _document: dict[str, Any] = field(factory=described)
    _templates: dict[int, list[Template]] = field(init=False)
    _with_slashes: list[Template] = field(factory=list, init=False)
    _judges: dict[str, Any] = field(factory=dict, init=False)
    _responses: dict[tuple[str, str, int], str | None] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._templates = defaultdict(list)
        for path, item in self._document["paths"].items():
            template = Template.described(path, item)
            if template.has_slashes:
                self._with_slashes.append(template)
            else:
                self._templates[len(template.segments)].append(template)
        for templates in self._templates.values():
            templates.sort(key=Template.generality)

    def check_answer(
        self, method: str, path: str, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        """
        Is this what the description promises?  The names in C{headers} are in
        lower case.

        @raise AssertionError: it is not.
        """
        answer = Answer(method, path, status, headers, body)
        templates = self._fitting(path)
        asked = "GET" if method == "HEAD" else method
        template = next((each for each in templates if asked in each.methods), None)
        if method == "OPTIONS" and templates and status == 204:
            self._check_options(answer, templates)
        elif template is None or self._hidden(status, template, templates):
            self._check_unrouted(answer, templates)
        else:
            where = self._response(asked, template.path, status)
            answer.require(where is not None, "the description knows no such status")
            self._check_response(answer, str(where))
        if templates:
            self.seen.add((method, (template or templates[0]).path, status))

    def check_event(self, event: Mapping[str, Any]) -> None:
        """
        Is this event what the description says of events of its type?

        @raise AssertionError: it is not.
        """
        kind = event.get("type")
        name = f"Event_{kind}"
        if name not in self._document["components"]["schemas"]:
            raise AssertionError(f"event {kind!r}: the description knows no such type: {event}")
        problem = self._problem(pointer("components", "schemas", name), event)
        if problem is not None:
            raise AssertionError(f"event {kind}: {problem}")
        self.seen_events.add(str(kind))

    def write_seen(self, file: Path) -> None:
        seen = {"answers": sorted(self.seen), "events": sorted(self.seen_events)}
        file.write_text(json.dumps(seen))

    def read_seen(self, file: Path) -> None:
        seen = json.loads(file.read_text())
        self.seen |= {(method, path, status) for method, path, status in seen["answers"]}
        self.seen_events |= set(seen["events"])

    def never_seen(self) -> list[tuple[str, str, int]]:
        """
        The answers that are described and that no check has met.
        """
        return sorted(set(self._described_answers()) - self.seen)

    def never_seen_events(self) -> list[str]:
        mapping = self._document["components"]["schemas"]["Event"]["discriminator"]["mapping"]
        return sorted(set(mapping) - self.seen_events)

    def _described_answers(self) -> Iterator[tuple[str, str, int]]:
        for path, item in self._document["paths"].items():
            for method in METHODS:
                for status in item.get(method, {}).get("responses", {}):
                    yield method.upper(), path, int(status)

    def _fitting(self, path: str) -> list[Template]:
        """
        The paths of the description that this one may mean, the most literal
        first.
        """
        segments = [unquote(each) for each in path.partition("?")[0][1:].split("/")]
        possible = [*self._templates.get(len(segments), []), *self._with_slashes]
        return [each for each in possible if each.fits(segments)]

    @staticmethod
    def _hidden(status: int, template: Template, templates: list[Template]) -> bool:
        """
        DELETE /users/me: no user has the id "me", and /users/me has no DELETE.
        Who finds the second first says 405, and that is as right as 404.
        """
        return status == 405 and template is not templates[0]

    def _check_options(self, answer: Answer, templates: list[Template]) -> None:
        answer.require(answer.body == b"", "204 has a body")
        answer.require("content-length" not in answer.headers, "204 has a content-length")
        self._check_allow(answer, templates)

    def _check_unrouted(self, answer: Answer, templates: list[Template]) -> None:
        """
        Nothing describes this call: is the refusal the right one?
        """
        right = dict(REFUSED_UNROUTED)
        if not templates or templates[0].has_mode:
            right[404] = "NotFound"
        if templates and answer.method != "OPTIONS":
            right[405] = "MethodNotAllowed"
        reason = "the path has no such method" if templates else "there is no such path"
        answer.require(answer.status in right, f"{reason}, so this may only be {sorted(right)}")
        self._check_response(answer, pointer("components", "responses", right[answer.status]))
        if answer.status == 405:
            self._check_allow(answer, templates)

    @staticmethod
    def _check_allow(answer: Answer, templates: list[Template]) -> None:
        allowed = methods_in(answer.header("allow"))
        possible = {"OPTIONS"}.union(*(template.methods for template in templates))
        if "GET" in possible:
            possible.add("HEAD")
        missing = templates[0].methods - allowed
        answer.require(not missing, f"allow does not name {sorted(missing)}")
        wrong = allowed - possible
        answer.require(not wrong, f"allow names {sorted(wrong)}, which it has not")

    def _check_response(self, answer: Answer, where: str) -> None:
        response = at(where, self._document)
        media_type = ""
        if "content" in response:
            media_type = answer.media_type()
            right = " or ".join(response["content"])
            answer.require(
                media_type in response["content"], f"content-type is {media_type}, not {right}"
            )
        headers = response.get("headers", {})
        for name, header in headers.items():
            meant = at(header["$ref"], self._document) if "$ref" in header else header
            self._check_header(answer, name.lower(), meant["schema"])
        self._check_promised_headers(answer, media_type, "Cache-Control" in headers)
        if "content" not in response:
            self._check_nothing(answer)
            return
        self._check_length(answer, media_type)
        if answer.method != "HEAD":
            self._check_body(answer, media_type, f"{where}/content/{media_type.replace('/', '~1')}")

    @staticmethod
    def _check_nothing(answer: Answer) -> None:
        """
        A redirect, or the news that nothing is new.  What 304 said of a content
        would be taken for what the client has.
        """
        if answer.status == 304:
            answer.require(answer.body == b"", "304 has a body")
            for name in ("content-type", "content-length"):
                answer.require(name not in answer.headers, f"304 has a {name}")
        else:
            answer.require(answer.body == b"", "a redirect has a body")
            answer.require(answer.header("content-length") == "0", "a redirect has a length")

    def _check_header(self, answer: Answer, name: str, schema: Mapping[str, Any]) -> None:
        text = answer.header(name)
        value = int(text) if schema.get("type") == "integer" and text.isdecimal() else text
        problem = best_match(Strict(schema).iter_errors(value))
        if problem is not None:
            answer.require(False, f"{name}: {problem.message}")

    @staticmethod
    def _check_promised_headers(answer: Answer, media_type: str, may_be_kept: bool) -> None:
        if media_type == "text/html":
            return
        for name, promised in PROMISED_HEADERS.items():
            given = answer.header(name)
            answer.require(given.lower() == promised, f"{name} is {given}, not {promised}")
        if may_be_kept:  # and the description of this answer says how
            return
        given = answer.header("cache-control")
        directives = {each.strip().lower() for each in given.split(",")}
        answer.require("no-store" in directives, f"cache-control is {given}, not no-store")

    @staticmethod
    def _check_length(answer: Answer, media_type: str) -> None:
        if answer.method == "HEAD":
            answer.require(answer.body == b"", "the answer to HEAD has a body")
        if media_type == "text/event-stream":
            answer.require("content-length" not in answer.headers, "a stream has no length")
            return
        given = answer.header("content-length")
        if answer.method == "HEAD":
            answer.require(given.isdecimal(), f"content-length is {given}")
        else:
            answer.require(
                given == str(len(answer.body)),
                f"content-length is {given}, the body has {len(answer.body)} bytes",
            )

    def _check_body(self, answer: Answer, media_type: str, where: str) -> None:
        if media_type == "text/event-stream":
            # The schema is that of one event, see check_event.
            begun = answer.body[: len(EMPTY_STREAM)]
            answer.require(EMPTY_STREAM.startswith(begun), f"the stream begins with {begun!r}")
            return
        if answer.headers.get("content-encoding") == "gzip":
            answer = evolve(answer, body=gzip.decompress(answer.body))
        if media_type in IMAGES:
            self._check_image(answer, media_type)
            return
        if "schema" not in at(where, self._document):  # bytes, or whatever a file holds
            return
        value = answer.json() if media_type.endswith(("/json", "+json")) else answer.text()
        problem = self._problem(f"{where}/schema", value)
        answer.require(problem is None, str(problem))

    @staticmethod
    def _check_image(answer: Answer, media_type: str) -> None:
        """
        No schema describes bytes, but a browser that gets others than it was
        told has reason to look for itself.
        """
        if answer.status == 206:
            given = answer.header("content-range")
            found = PART.fullmatch(given)
            first, last, size = map(int, found.groups()) if found else (0, 0, 0)
            answer.require(first <= last < size, f"content-range is {given}")
            answer.require(
                len(answer.body) == last - first + 1,
                f"content-range is {given}, the body has {len(answer.body)} bytes",
            )
            if first > 0 or last < size - 1:
                return
        begins = re.match(IMAGES[media_type], answer.body, re.DOTALL)
        answer.require(begins is not None, f"no {media_type}: {answer.body[:20]!r}")

    def _problem(self, where: str, value: Any) -> str | None:
        """
        What is wrong with a value, by the schema that stands C{where}.
        """
        if where not in self._judges:
            schema = spelled_out(at(where, self._document), self._document)
            self._judges[where] = Fast(schema), Strict(schema)
        fast, strict = self._judges[where]
        if fast.is_valid(value) and not has_whole_float(value):
            return None
        problem = best_match(strict.iter_errors(value))
        return None if problem is None else f"{problem.json_path}: {problem.message}"

    def _response(self, method: str, path: str, status: int) -> str | None:
        """
        Where an answer is described, if it is.
        """
        key = (method, path, status)
        if key not in self._responses:
            self._responses[key] = self._find_response(method.lower(), path, str(status))
        return self._responses[key]

    def _find_response(self, method: str, path: str, status: str) -> str | None:
        response = self._document["paths"][path][method]["responses"].get(status)
        if response is None:
            return None
        return response.get("$ref", pointer("paths", path, method, "responses", status))
