"""The two webhooks over HTTP: the contract with the API server, calls that are no reviews, logs and metrics."""

import asyncio
import base64
import copy
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from jsonpatch import JsonPatch

from app.admission.decision import Decision
from app.admission.engine import Admission
from app.admission.review import Request
from app.rules.registry import RULES
from app.server import limits
from testbed.documents import load
from testbed.patience import PATIENCE
from testbed.reviews import Document, review
from testbed.server import JSON, Door, backup, body
from tests.support.loglines import Log, collected

MIB = 2**20
SECRET = "hunter2-in-an-object"  # noqa: S105
WEBHOOKS = pytest.mark.parametrize("webhook", ["/mutate", "/validate"])
SAMPLES = sorted((Path(__file__).parents[2] / "manifests/samples/reviews").glob("*.json"))
SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)

CALLER_FIELDS = {"uid", "operation", "kind", "namespace", "name", "user"}


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """The lines that were logged."""
    yield from collected(monkeypatch)


@pytest.fixture
def door(log: Log) -> Door:  # noqa: ARG001  logging is configured first
    return Door()


def answered(response: httpx.Response) -> dict[str, Any]:
    """What a good reply answers."""
    assert response.status_code == 200, response.text
    reply = response.json()
    assert set(reply) == {"apiVersion", "kind", "response"}
    found: dict[str, Any] = reply["response"]
    return found


def mistakes() -> Document:
    """A BackupBatch with three: an alias twice, a schedule and a duration that nobody can read."""
    document = backup(schedule="0 24 * * *", timeOut="3d")
    target = document["spec"].pop("target")
    other = {**target, "ref": {**target["ref"], "name": "shop"}}
    document["spec"]["members"] = [{"target": target}, {"target": other}]
    return {**document, "kind": "BackupBatch"}


def without_alias() -> Document:
    document = backup()
    del document["spec"]["target"]["alias"]
    return document


def secretive(document: Document) -> Document:
    """The object with a secret where objects have them."""
    variable = {"name": "PASSWORD", "value": SECRET}
    document["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": SECRET}
    document["spec"]["runtimeSettings"] = {"container": {"env": [variable]}}
    return document


def in_object(text: str) -> bytes:
    """A review in whose object's spec this text of JSON members comes first."""
    whole = body()
    assert whole.count(b'"object":{"apiVersion"') == 1
    return whole.replace(b'"spec":{', b'"spec":{' + text.encode() + b",", 1)


def nested(levels: int, brackets: str = "[]", *, closed: bool = True) -> bytes:
    """A review that is nested so many levels deep: review, request, object and spec are four of them."""
    opening, closing = brackets[0], brackets[1] if closed else ""
    outer = opening if opening == "[" else '{"y":'
    above = levels - 5
    return in_object(f'"x":{outer * above}{opening}{closing}{closing * above}')


def printed(content: bytes, **layout: Any) -> bytes:
    """The same JSON in another layout."""
    return json.dumps(json.loads(content), **layout).encode()


# --- The contract with the API server


@WEBHOOKS
def test_an_answer_is_an_admission_review_of_v1_in_json(door: Door, webhook: str) -> None:
    response = door.call(body(), webhook)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    reply = response.json()
    assert (reply["apiVersion"], reply["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")


@WEBHOOKS
@pytest.mark.parametrize("uid", ["705ab4f5-6393-11e8-b7cc-42010a800002", "ü\n\u2028🙂", "x" * 5000])
def test_the_answer_has_the_uid_of_the_request(door: Door, webhook: str, uid: str) -> None:
    assert answered(door.call(body(uid=uid), webhook))["uid"] == uid


@WEBHOOKS
def test_the_timeout_that_the_api_server_adds_to_the_address_changes_nothing(door: Door, webhook: str) -> None:
    assert door.call(body(), f"{webhook}?timeout=10s").content == door.call(body(), webhook).content


def test_a_mutating_answer_that_changes_something_has_patch_and_patch_type(door: Door) -> None:
    response = answered(door.call(body(without_alias()), "/mutate"))
    assert response["patchType"] == "JSONPatch"
    patch = json.loads(base64.b64decode(response["patch"], validate=True))
    assert patch == [{"op": "add", "path": "/spec/target/alias", "value": "host-0"}]


def test_a_mutating_answer_that_changes_nothing_has_neither_patch_nor_patch_type(door: Door) -> None:
    assert not {"patch", "patchType"} & answered(door.call(body(), "/mutate")).keys()


@SAMPLE
def test_a_mutating_answer_refuses_nothing_and_has_patch_and_patch_type_together_or_not_at_all(
    door: Door, sample: Path
) -> None:
    response = answered(door.call(sample.read_bytes(), "/mutate"))
    assert response["allowed"] is True
    assert ("patch" in response) == ("patchType" in response)
    assert "status" not in response


@SAMPLE
def test_a_validating_answer_has_neither_patch_nor_patch_type(door: Door, sample: Path) -> None:
    assert not {"patch", "patchType"} & answered(door.call(sample.read_bytes(), "/validate")).keys()


@SAMPLE
def test_a_patch_applies_to_the_object_that_was_sent(door: Door, sample: Path) -> None:
    sent = json.loads(sample.read_bytes())
    response = answered(door.call(sample.read_bytes(), "/mutate"))
    if "patch" in response:
        document = sent["request"]["object"]
        assert JsonPatch(json.loads(base64.b64decode(response["patch"]))).apply(document) != document


def test_an_answer_that_allows_has_no_status(door: Door) -> None:
    assert answered(door.call(body())) == {"uid": review(backup())["request"]["uid"], "allowed": True}


def test_a_refusal_is_a_good_reply_with_code_422_and_reason_invalid(door: Door) -> None:
    response = answered(door.call(body(backup(schedule="0 24 * * *"))))
    assert response["allowed"] is False
    status = response["status"]
    assert (status["status"], status["code"], status["reason"]) == ("Failure", 422, "Invalid")
    assert "schedule" in status["message"]


def test_a_refusal_names_the_object_that_it_is_about(door: Door) -> None:
    details = answered(door.call(body(backup(schedule="0 24 * * *"))))["status"]["details"]
    assert (details["name"], details["group"], details["kind"]) == ("shop", "stash.appscode.com", "BackupConfiguration")


def test_all_findings_are_in_one_answer_each_with_its_cause(door: Door) -> None:
    status = answered(door.call(body(mistakes())))["status"]
    causes = {cause["field"]: cause for cause in status["details"]["causes"]}
    assert {field: cause["reason"] for field, cause in causes.items()} == {
        "spec.members[1].target.alias": "FieldValueDuplicate",
        "spec.schedule": "FieldValueInvalid",
        "spec.timeOut": "FieldValueInvalid",
    }
    for field, cause in causes.items():
        assert set(cause) == {"reason", "message", "field"}
        assert f"{field}: {cause['message']}" in status["message"]


@SAMPLE
def test_every_cause_of_a_refusal_has_reason_message_and_field(door: Door, sample: Path) -> None:
    response = answered(door.call(sample.read_bytes(), "/validate"))
    assert response["allowed"] is ("status" not in response)
    for cause in response.get("status", {"details": {"causes": []}})["details"]["causes"]:
        assert all(isinstance(cause[key], str) and cause[key] for key in ("reason", "message", "field"))


def test_a_refusal_of_very_many_findings_is_still_short_enough_to_read(door: Door) -> None:
    document = mistakes()
    document["spec"]["members"] *= 1000
    status = answered(door.call(body(document)))["status"]
    assert len(status["message"].splitlines()) < 30
    assert "more" in status["message"].splitlines()[-1]


def test_the_audit_annotations_name_the_rules_that_refused(door: Door) -> None:
    annotations = answered(door.call(body(mistakes())))["auditAnnotations"]
    assert set(annotations["refused-by"].split(",")) == {"unique-alias", "valid-schedule", "valid-duration"}


def test_the_audit_annotations_name_the_rules_that_changed_something(door: Door) -> None:
    annotations = answered(door.call(body(without_alias()), "/mutate"))["auditAnnotations"]
    assert annotations == {"mutated-by": "default-alias"}


def test_the_audit_annotations_name_the_rules_that_warned() -> None:
    response = answered(Door({"valid-schedule": "warn"}).call(body(backup(schedule="0 24 * * *"))))
    assert response["allowed"] is True
    assert response["auditAnnotations"] == {"warned-by": "valid-schedule"}


@WEBHOOKS
@SAMPLE
def test_audit_annotations_are_texts_that_the_api_server_takes(door: Door, webhook: str, sample: Path) -> None:
    for key, value in answered(door.call(sample.read_bytes(), webhook)).get("auditAnnotations", {}).items():
        assert re.fullmatch("[a-z]+(-[a-z]+)*", key)
        assert set(value.split(",")) <= RULES.keys()


@WEBHOOKS
@SAMPLE
def test_a_warning_has_no_control_characters(door: Door, webhook: str, sample: Path) -> None:
    assert all(text.isprintable() for text in answered(door.call(sample.read_bytes(), webhook)).get("warnings", []))


@pytest.mark.parametrize("odd", ["\n", "\r\n", "\t", "\0", "\x07", "\x1b[31m", "\x7f", "\x85", "\u2028"])
def test_a_warning_that_quotes_control_characters_has_them_escaped(odd: str) -> None:
    response = answered(Door({"valid-schedule": "warn"}).call(body(backup(schedule=f"0{odd}24 * * *"))))
    assert response["warnings"]
    assert all(warning.isprintable() for warning in response["warnings"])


@pytest.mark.parametrize("odd", ["\n", "\0", "\x1b", "\x7f", "\x9f", "\u2029"])
def test_a_warning_of_an_unknown_kind_has_control_characters_escaped(door: Door, odd: str) -> None:
    kind = {"group": "example.com", "version": "v1", "kind": f"Odd{odd}Kind"}
    (warning,) = answered(door.call(body(kind=kind)))["warnings"]
    assert "Odd" in warning
    assert warning.isprintable()


def test_warnings_below_the_bound_of_the_api_server_are_whole(door: Door) -> None:
    kind = {"group": "example.com", "version": "v1", "kind": "K" * 3000}
    (warning,) = answered(door.call(body(kind=kind)))["warnings"]
    assert "K" * 3000 in warning


def test_a_warning_beyond_the_bound_of_the_api_server_is_cut_to_256_characters(door: Door) -> None:
    kind = {"group": "example.com", "version": "v1", "kind": "K" * 5000}
    (warning,) = answered(door.call(body(kind=kind)))["warnings"]
    assert 200 <= len(warning) <= 256


@pytest.mark.parametrize("members", [20, 60, 1000])
def test_many_warnings_stay_within_4096_characters_in_all_and_256_each(members: int) -> None:
    document = mistakes()
    document["spec"]["members"] = document["spec"]["members"][:1] * members
    document["spec"]["members"][0]["target"]["ref"]["name"] = "x" * 63
    levels = {rule.id: "warn" for rule in RULES.values() if rule.level is not None}
    warnings = answered(Door(levels).call(body(document)))["warnings"]
    assert len(warnings) > 5
    assert max(map(len, warnings)) <= 256
    assert sum(map(len, warnings)) <= 4096
    assert re.search(r"\d+ more", warnings[-1])


@WEBHOOKS
def test_an_answer_keeps_the_connection_open(door: Door, webhook: str) -> None:
    assert "connection" not in door.call(body(), webhook).headers


@WEBHOOKS
@pytest.mark.parametrize("content", [body(), b"no review"], ids=["good", "bad"])
def test_an_answer_closes_the_connection_while_the_server_takes_leave(door: Door, webhook: str, content: bytes) -> None:
    door.traffic.closing = True
    assert door.call(content, webhook).headers["connection"] == "close"


# --- Bad calls: path, method, content type, size


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    ["/", "/mutate/", "/validate/", "/validate/x", "/Validate", "/validates", "/docs", "/redoc", "/openapi.json",
     "/docs/oauth2-redirect", "/healthz", "/readyz", "/metrics"],
)  # fmt: skip
def test_another_path_is_not_found(door: Door, method: str, path: str) -> None:
    assert door.call(body(), path, method).status_code == 404


@WEBHOOKS
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_another_method_is_not_allowed_and_the_answer_says_which_is(door: Door, webhook: str, method: str) -> None:
    response = door.call(body(), webhook, method)
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"


@WEBHOOKS
@pytest.mark.parametrize(
    "headers",
    [{}, {"content-type": ""}, *({"content-type": each} for each in (
        "text/plain", "application/yaml", "application/jsonp", "application/json-patch+json", "application",
        "text/plain; application/json", "application/x-www-form-urlencoded", "application/json, text/plain",
    ))],
    ids=str,
)  # fmt: skip
def test_another_content_type_is_unsupported(door: Door, webhook: str, headers: dict[str, str]) -> None:
    assert door.call(body(), webhook, headers=headers).status_code == 415


@WEBHOOKS
@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"]
)
def test_a_charset_or_capitals_in_the_content_type_are_fine(door: Door, webhook: str, content_type: str) -> None:
    assert door.call(body(), webhook, headers={"content-type": content_type}).status_code == 200


def padded(size: int) -> bytes:
    whole = body()
    return whole + b" " * (size - len(whole))


async def pieces(content: bytes, size: int = MIB) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@WEBHOOKS
def test_a_body_of_seven_mib_is_read(door: Door, webhook: str) -> None:
    assert door.call(padded(7 * MIB), webhook).status_code == 200


@WEBHOOKS
def test_a_body_of_seven_mib_is_read_in_chunks(door: Door, webhook: str) -> None:
    assert door.call(pieces(padded(7 * MIB)), webhook).status_code == 200


@WEBHOOKS
def test_a_body_of_one_byte_more_than_seven_mib_is_too_large(door: Door, webhook: str) -> None:
    assert door.call(padded(7 * MIB + 1), webhook).status_code == 413


@WEBHOOKS
@pytest.mark.parametrize("headers", [{}, {"content-length": "10"}, {"content-length": "ten"}], ids=str)
def test_a_body_is_counted_while_it_is_read_whatever_its_content_length_says(
    door: Door, webhook: str, headers: dict[str, str]
) -> None:
    response = door.call(pieces(padded(7 * MIB + 1)), webhook, headers={**JSON, **headers})
    assert response.status_code == 413


@pytest.mark.parametrize("length", [str(7 * MIB + 1), "9" * 30, "9" * 5000], ids=len)
def test_a_content_length_that_is_too_large_is_refused(door: Door, length: str) -> None:
    assert door.call(pieces(body()), headers={**JSON, "content-length": length}).status_code == 413


def test_a_body_without_an_end_is_given_up_soon_after_seven_mib(door: Door) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += MIB
            yield b" " * MIB

    assert door.call(endless()).status_code == 413
    assert read <= 9 * MIB


@WEBHOOKS
def test_a_body_that_comes_byte_by_byte_is_read(door: Door, webhook: str) -> None:
    assert door.call(pieces(body(), 1), webhook).content == door.call(body(), webhook).content


def test_headers_of_more_than_64_kib_are_too_large(door: Door) -> None:
    assert door.call(body(), headers={**JSON, "x-long": "x" * 65 * 2**10}).status_code == 431


# --- Bad calls: what is no review

BROKEN: dict[str, bytes] = {
    "empty": b"",
    "white space": b" \r\n\t ",
    "text": b"no json",
    "half": body()[:-1],
    "half an escape": in_object('"x":"\\u00"'),
    "an escape that JSON does not know": in_object(r'"x":"\x41"'),
    "a control character in a text": in_object('"x":"\n"'),
    "single quotes": body().replace(b'"', b"'"),
    "a comment": b"// hello\n" + body(),
    "a comma too many": in_object('"x":[1,]'),
    "a number with a leading zero": in_object('"x":01'),
    "a number with a plus": in_object('"x":+1'),
    "UTF-16": body().decode().encode("utf-16"),
    "UTF-32": body().decode().encode("utf-32"),
    "Latin-1": in_object('"x":"ü"').decode().encode("latin-1"),
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "an overlong encoding": in_object('"x":"?"').replace(b"?", b"\xc0\xaf"),
    "a surrogate in UTF-8": in_object('"x":"?"').replace(b"?", b"\xed\xa0\x80"),
    "half a character": in_object('"x":"?"').replace(b"?", b"\xe2\x82"),
    "NaN": in_object('"x":NaN'),
    "nan": in_object('"x":nan'),
    "Infinity": in_object('"x":Infinity'),
    "minus Infinity": in_object('"x":[-Infinity]'),
    "inf": in_object('"x":inf'),
    "trailing text": body() + b"x",
    "a second review": body() + body(),
    "a second review on a line of its own": body() + b"\n" + body(),
    "a trailing bracket": body() + b"}",
    "a trailing zero byte": body() + b"\0",
}

DUPLICATES: dict[str, bytes] = {
    "in the review": body()[:-1] + b',"kind":"AdmissionReview"}',
    "a request after the request": body()[:-1] + b',"request":null}',
    "in the request": body().replace(b'"uid"', b'"uid":"other","uid"', 1),
    "an operation after the operation": body().replace(b'"operation"', b'"operation":"DELETE","operation"'),
    "in the object": in_object('"x":1,"x":2'),
    "of a field that is there": in_object('"schedule":"@daily"'),
    "with the same value": in_object('"x":1,"x":1'),
    "three times": in_object('"x":1,"x":2,"x":3'),
    "the empty key": in_object('"":1,"":2'),
    "not beside each other": in_object('"x":1,"y":{"x":1},"z":2,"x":2'),
    "in a list": in_object('"l":[[{"x":1,"x":2}]]'),
    "deep": in_object('"y":' + '{"y":' * 60 + '{"x":1,"x":2}' + "}" * 60),
    "of objects of which the lost one is large": in_object('"x":{"a":1,"b":2,"c":{"d":3}},"x":{}'),
    "of objects of which the kept one is large": in_object('"x":{},"x":{"a":1,"b":2,"c":{"d":3}}'),
    "an ampersand, and one that is escaped": in_object(r'"x&":1,"x\u0026":2'),
    "signs that Go escapes": in_object(r'"\u003c\u003e\u0026":1,"\u003c\u003e\u0026":1'),
    "beside texts that Go escapes": in_object(r'"y":"a \u0026\u0026 b \u003e c","x":1,"x":2'),
    "white space before both colons": in_object('"x" :1,"x" :2'),
    "a space before one of the colons": in_object('"x":1,"x" :2'),
    "a tab before one of the colons": in_object('"x":1,"x"\t:2'),
    "a newline before one of the colons": in_object('"x":1,"x"\n:2'),
    "a carriage return before one of the colons": in_object('"x":1,"x"\r:2'),
    "much white space before one of the colons": in_object('"x":1,"x" \r\n\t :2'),
    "white space that hides a key, and a text that makes up for it": in_object('"y" :1,"x":1,"x":"\\":"'),
    "an escaped quote that makes up for a lost key": in_object(r'"x":1,"x":"\u0022:"'),
    "an escaped colon that makes up for a lost key": in_object(r'"x":1,"x":"\"\u003a"'),
    "an escaped colon in capitals that makes up for a lost key": in_object(r'"x":1,"x":"\"\u003A"'),
    "both escaped": in_object(r'"x":1,"x":"\u0022\u003a"'),
    "escapes that make up for two lost keys": in_object(r'"x":1,"x":2,"x":"\u0022:\u0022:"'),
    "an escape in a key that makes up for a lost key": in_object(r'"x":1,"x":2,"\u0022:":3'),
    "equal after unescaping": in_object(r'"x":1,"\u0078":2'),
    "equal after unescaping a quote": in_object(r'"\"":1,"\u0022":2'),
    "equal after unescaping a slash": in_object(r'"/":1,"\/":2'),
    "equal after unescaping a letter": in_object('"ü":1,"\\u00fc":2'),
    "equal after unescaping a pair of surrogates": in_object('"🙂":1,"\\ud83d\\ude42":2'),
    "pretty printed": printed(in_object('"x":1,"x-":2'), indent=2).replace(b"x-", b"x"),
    "pretty printed with tabs": printed(in_object('"x":1,"x-":2'), indent="\t").replace(b"x-", b"x"),
    "pretty printed with white space on both sides of the colon": printed(
        in_object('"x":1,"x-":2'), indent=4, separators=(",", " : ")
    ).replace(b"x-", b"x"),
}

NO_DUPLICATES: dict[str, bytes] = {
    "the same key in two objects": in_object('"x":{"y":1},"z":{"y":1}'),
    "keys that differ in case": in_object('"x":1,"X":2'),
    "keys that differ in white space": in_object('"x":1,"x ":2'),
    "letters composed in two ways": in_object('"\u00fc":1,"u\u0308":2'),
    "a text with a quote and a colon": in_object(r'"x":"\":\":","y":"\" :"'),
    "a text with an escaped quote and a colon": in_object(r'"x":"\u0022:\u003a"'),
    "a key with an escaped quote and a colon": in_object(r'"\u0022:":1,"\":-":2'),
    "texts as Go escapes them": in_object(r'"x":"a \u0026\u0026 b \u003c c \u003e d","y":"\\u0026"'),
    "signs that are not escaped": in_object('"x":"a && b < c > d","y":1'),
    "white space before the colon": in_object('"x" :1,"y"\n:2,"z"\t:3'),
    "a text that looks like the object": in_object(json.dumps({"x": body().decode()})[1:-1]),
    "pretty printed": printed(body(), indent=2),
    "pretty printed with white space on both sides of the colon": printed(body(), indent="\t", separators=(",", " : ")),
    "white space around": b"\r\n\t " + body() + b"\r\n\t ",
}

NUMBERS = {
    "a whole number": "9" * 5000,
    "a negative one": "-" + "9" * 5000,
    "a fraction": "0." + "9" * 5000,
    "a power": "1e" + "9" * 5000,
    "a small power": "1e-" + "9" * 5000,
    "a whole number of 300 digits": "9" * 300,
}


def changed(**request: Any) -> bytes:
    return body(**request)


def lacking(*names: str, **request: Any) -> bytes:
    whole = review(backup(), **request)
    for name in names:
        del whole["request"][name]
    return orjson.dumps(whole)


def envelope(**fields: Any) -> bytes:
    return orjson.dumps({**review(backup()), **fields})


NO_REVIEW: dict[str, bytes] = {
    "null": b"null",
    "a number": b"1",
    "a text": b'"AdmissionReview"',
    "a list": b"[" + body() + b"]",
    "an empty object": b"{}",
    "v1beta1": envelope(apiVersion="admission.k8s.io/v1beta1"),
    "v2": envelope(apiVersion="admission.k8s.io/v2"),
    "another group": envelope(apiVersion="admission.example.com/v1"),
    "no version": envelope(apiVersion=None),
    "a version that is a list": envelope(apiVersion=["admission.k8s.io/v1"]),
    "another kind": envelope(kind="AdmissionRequest"),
    "a kind in small letters": envelope(kind="admissionreview"),
    "no kind": envelope(kind=None),
    "the object itself": orjson.dumps(backup()),
    "no request": orjson.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}),
    "a request that is null": envelope(request=None),
    "a request that is a list": envelope(request=[]),
    "a request that is a text": envelope(request="CREATE"),
    "a request that is false": envelope(request=False),
    "an empty request": envelope(request={}),
    "no uid": lacking("uid"),
    "an empty uid": changed(uid=""),
    "a uid that is null": changed(uid=None),
    "a uid that is a number": changed(uid=1),
    "a uid that is a list": changed(uid=["1"]),
    "no kind of the object": lacking("kind"),
    "a kind of the object that is a text": changed(kind="BackupConfiguration"),
    "a kind of the object that is null": changed(kind=None),
    "a kind without a version": changed(kind={"group": "stash.appscode.com", "kind": "BackupConfiguration"}),
    "a kind without a kind": changed(kind={"group": "stash.appscode.com", "version": "v1beta1"}),
    "a kind with numbers": changed(kind={"group": 1, "version": 2, "kind": 3}),
    "no operation": lacking("operation"),
    "an operation that is null": changed(operation=None),
    "an operation in small letters": changed(operation="create"),
    "an operation that does not exist": changed(operation="PATCH"),
    "an operation that is a list": changed(operation=["CREATE"]),
    "no object for a CREATE": lacking("object"),
    "an object that is null for a CREATE": changed(object=None),
    "no object for an UPDATE": lacking("object", operation="UPDATE", oldObject=backup()),
    "an object that is null for an UPDATE": changed(operation="UPDATE", oldObject=backup(), object=None),
    "no old object for an UPDATE": lacking("oldObject", operation="UPDATE"),
    "an old object that is null for an UPDATE": changed(operation="UPDATE", oldObject=None),
    "an object that is a list": changed(object=[backup()]),
    "an object that is a text": changed(object=json.dumps(backup())),
    "an object that is a number": changed(object=0),
    "an object that is false": changed(object=False),
    "an old object that is a list": changed(operation="UPDATE", oldObject=[]),
    "an old object that is a text": changed(operation="UPDATE", oldObject=""),
    "a name that is a number": changed(name=1),
    "a namespace that is a list": changed(namespace=["demo"]),
    "a subresource that is an object": changed(subResource={}),
    "a subresource that is false": changed(subResource=False),
    "a user that is a text": changed(userInfo="jane"),
    "a user whose name is a number": changed(userInfo={"username": 7}),
    "a dry run that is a text": changed(dryRun="true"),
    "a dry run that is a number": changed(dryRun=1),
}

BAD = {
    **BROKEN,
    **{f"duplicate key {name}": content for name, content in DUPLICATES.items()},
    **{f"no review: {name}": content for name, content in NO_REVIEW.items()},
}


def each(contents: dict[str, bytes]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("content", contents.values(), ids=contents.keys())


@WEBHOOKS
@each(BROKEN)
def test_a_body_that_is_not_json_in_utf8_is_a_bad_request(door: Door, webhook: str, content: bytes) -> None:
    assert door.call(content, webhook).status_code == 400


@each(DUPLICATES)
def test_a_key_that_comes_twice_is_a_bad_request(door: Door, content: bytes) -> None:
    response = door.call(content)
    assert response.status_code == 400
    assert "duplicate key" in response.json()["message"]


@each(NO_DUPLICATES)
def test_what_only_looks_like_a_key_that_comes_twice_is_no_bad_request(door: Door, content: bytes) -> None:
    assert door.call(content).status_code == 200


@WEBHOOKS
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_nesting_of_100_levels_is_fine(door: Door, webhook: str, brackets: str) -> None:
    assert door.call(nested(100, brackets), webhook).status_code == 200


@WEBHOOKS
@pytest.mark.parametrize("brackets", ["[]", "{}"])
@pytest.mark.parametrize("levels", [101, 102, 300])
def test_nesting_of_more_than_100_levels_is_a_bad_request(door: Door, webhook: str, levels: int, brackets: str) -> None:
    response = door.call(nested(levels, brackets), webhook)
    assert response.status_code == 400
    assert "nested more than 100" in response.json()["message"]


@pytest.mark.parametrize("value", ["1", '"x"', "null", "{}", "[[]]"])
def test_the_innermost_value_counts_as_a_level_only_where_it_is_an_object_or_a_list(door: Door, value: str) -> None:
    content = in_object(f'"x":{"[" * 96}{value}{"]" * 96}')
    assert door.call(content).status_code == (400 if value[0] in "{[" else 200)


@pytest.mark.parametrize("levels", [250, 254, 255, 256, 990, 1000, 1010, 1020, 1023, 1024, 1025, 2000, 100_000])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "open"])
def test_nesting_of_any_depth_is_a_bad_request_and_no_crash(door: Door, levels: int, closed: bool) -> None:
    assert door.call(nested(levels, closed=closed)).status_code == 400


@pytest.mark.parametrize("levels", [101, 255, 900, 980, 990, 1000, 1010, 1019])
@pytest.mark.parametrize("colon", [":", " :"], ids=["plain", "disguised"])
def test_nesting_of_any_depth_in_a_value_that_a_second_key_hides_is_a_bad_request(
    door: Door, levels: int, colon: str
) -> None:
    content = in_object(f'"x"{colon}{"[" * levels}{"]" * levels},"x"{colon}1')
    assert door.call(content).status_code == 400


@WEBHOOKS
@pytest.mark.parametrize("number", NUMBERS.values(), ids=NUMBERS.keys())
@pytest.mark.parametrize("colon", [":", " :"], ids=["plain", "disguised"])
def test_a_number_of_very_many_digits_is_no_crash(door: Door, webhook: str, number: str, colon: str) -> None:
    assert door.call(in_object(f'"x"{colon}{number}'), webhook).status_code in (200, 400)


@WEBHOOKS
@each(NO_REVIEW)
def test_what_is_no_review_that_can_be_answered_is_a_bad_request(door: Door, webhook: str, content: bytes) -> None:
    assert door.call(content, webhook).status_code == 400


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (envelope(apiVersion="admission.k8s.io/v1beta1"), "admission.k8s.io/v1"),
        (envelope(request=None), "request"),
        (lacking("uid"), "uid"),
        (changed(uid=""), "uid"),
        (lacking("object"), "object"),
        (lacking("oldObject", operation="UPDATE"), "oldObject"),
        (changed(dryRun="true"), "request.dryRun"),
    ],
)
def test_the_answer_to_a_bad_review_says_what_is_wrong(door: Door, content: bytes, says: str) -> None:
    assert says in door.call(content).json()["message"]


@each({**BAD, "too deep": nested(300)})
def test_the_answer_to_a_bad_call_is_a_status_as_kubernetes_writes_it(door: Door, content: bytes) -> None:
    response = door.call(content)
    assert response.headers["content-type"] == "application/json"
    status = response.json()
    assert (status["apiVersion"], status["kind"], status["status"]) == ("v1", "Status", "Failure")
    assert status["code"] == response.status_code
    assert status["message"].isprintable()


def test_fields_of_the_envelope_that_this_server_does_not_know_are_fine(door: Door) -> None:
    content = envelope(metadata={}, request={**review(backup())["request"], "later": {"field": [1]}})
    assert answered(door.call(content))["allowed"] is True


@WEBHOOKS
def test_fields_of_the_envelope_that_no_decision_needs_may_be_absent(door: Door, webhook: str) -> None:
    content = lacking("resource", "name", "namespace", "userInfo", "oldObject", "dryRun", "options")
    assert answered(door.call(content, webhook))["allowed"] is True


# --- Calls that need no decision


@WEBHOOKS
@pytest.mark.parametrize(
    "request_fields",
    [
        {"operation": "DELETE", "object": None, "oldObject": mistakes()},
        {"operation": "DELETE", "object": None, "oldObject": None},
        {"operation": "DELETE", "object": mistakes()},
        {"operation": "CONNECT", "object": {"kind": "PodExecOptions"}},
        {"operation": "CONNECT", "object": None},
        {"subResource": "status"},
        {"subResource": "status", "operation": "UPDATE", "oldObject": backup()},
        {"subResource": "scale"},
    ],
    ids=["delete", "delete-without-object", "delete-with-object", "connect", "connect-without-object",
         "create-of-status", "update-of-status", "scale"],
)  # fmt: skip
def test_a_delete_a_connect_and_a_subresource_are_allowed_untouched(
    door: Door, webhook: str, request_fields: dict[str, Any]
) -> None:
    document = {**mistakes(), "spec": {**mistakes()["spec"], "members": [{"target": {"ref": {}}}]}}
    response = answered(door.call(body(document, **request_fields), webhook))
    assert response == {"uid": review(document)["request"]["uid"], "allowed": True}


UNKNOWN = pytest.mark.parametrize(
    ("group", "version", "kind"),
    [
        ("stash.appscode.com", "v1beta1", "BackupSession"),
        ("stash.appscode.com", "v1beta1", "backupconfiguration"),
        ("stash.appscode.com", "v1alpha1", "BackupConfiguration"),
        ("stash.appscode.com", "v1", "BackupBatch"),
        ("stash.appscode.com", "v1beta1", "Repository"),
        ("example.com", "v1beta1", "BackupConfiguration"),
        ("", "v1", "Pod"),
        ("", "", ""),
    ],
)


@WEBHOOKS
@UNKNOWN
def test_a_kind_or_version_that_the_server_does_not_handle_is_allowed_with_a_warning(
    door: Door, webhook: str, group: str, version: str, kind: str
) -> None:
    given = {"group": group, "version": version, "kind": kind}
    response = answered(door.call(body(mistakes(), kind=given), webhook))
    assert response["allowed"] is True
    assert "patch" not in response
    (warning,) = response["warnings"]
    assert all(part in warning for part in (group, version, kind))


# --- Exceptions, and too much work


def broken(_: Request) -> Decision:
    raise ValueError(f"cannot read {SECRET}")


def out_of_order(monkeypatch: pytest.MonkeyPatch, decide: Callable[[Request], Decision] = broken) -> Door:
    """The server with a mistake in its decisions."""
    admission = Admission()
    for webhook in ("mutate", "validate"):
        monkeypatch.setattr(admission, webhook, lambda request, _deadline: decide(request))
    return Door(admission=admission)


@WEBHOOKS
def test_an_exception_inside_is_an_internal_error_and_no_refusal(monkeypatch: pytest.MonkeyPatch, webhook: str) -> None:
    response = out_of_order(monkeypatch).call(body(), webhook)
    assert response.status_code == 500
    assert "response" not in response.json()


def test_an_exception_without_end_of_recursion_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(request: Request) -> Decision:
        return deep(request)

    assert out_of_order(monkeypatch, deep).call(body()).status_code == 500


@WEBHOOKS
def test_the_answer_to_an_exception_says_nothing_of_the_exception(
    monkeypatch: pytest.MonkeyPatch, webhook: str
) -> None:
    text = out_of_order(monkeypatch).call(body(), webhook).text
    assert not any(word in text for word in (SECRET, "Traceback", "ValueError", ".py"))


@WEBHOOKS
def test_an_exception_is_logged_with_the_uid_and_where_it_happened(
    monkeypatch: pytest.MonkeyPatch, log: Log, webhook: str
) -> None:
    out_of_order(monkeypatch).call(body(uid="u-1"), webhook)
    (line,) = [each for each in log() if each["level"] == "error"]
    assert (line["webhook"], line["uid"]) == (webhook[1:], "u-1")
    assert "in broken" in str(line)


@WEBHOOKS
def test_an_exception_is_counted_once(monkeypatch: pytest.MonkeyPatch, webhook: str) -> None:
    door = out_of_order(monkeypatch)
    door.call(body(), webhook)
    counted = {key: n for key, n in door.metrics().items() if key[0] == "stash_admission_bad_calls_total" and n}
    assert counted == {("stash_admission_bad_calls_total", (("reason", "internal error"),)): 1}


def test_the_server_answers_on_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    door = out_of_order(monkeypatch, lambda request: broken(request) if request.uid == "bad" else Decision())
    assert [door.call(body(uid=uid)).status_code for uid in ("bad", "good", "bad", "good")] == [500, 200, 500, 200]
    assert not door.traffic.calls


class Held:
    """A body whose end does not come before it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.released = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        whole = body()
        yield whole[:10]
        self.begun.set()
        await self.released.wait()
        yield whole[10:]


@WEBHOOKS
def test_of_more_calls_than_the_bound_the_oldest_gets_503_and_may_try_again_after_a_second(webhook: str) -> None:
    async def scene() -> None:
        door, held = Door(most=1), Held()
        slow = asyncio.create_task(door.request(aiter(held), webhook))
        await held.begun.wait()
        assert (await door.request(body(), webhook)).status_code == 200
        answer = await slow
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert (await door.request(body(), webhook)).status_code == 200
        page = await door.request(path="/metrics", method="GET", app=door.management)
        assert 'stash_admission_bad_calls_total{reason="too busy"} 1.0' in page.text


class Large(Held):
    """One of six MiB."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        whole = padded(6 * MIB)
        yield whole[:-1]
        self.begun.set()
        await self.released.wait()
        yield whole[-1:]


def test_large_bodies_that_arrive_at_the_same_time_are_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.limits.SLOW_BODY_SECONDS", math.inf)

    async def scene() -> None:
        door, held = Door(), [Large() for _ in range(10)]
        calls = [asyncio.create_task(door.request(aiter(each))) for each in held]
        for each in held:
            await each.begun.wait()
        one_more = await door.request(padded(6 * MIB))
        assert one_more.status_code == 503
        assert one_more.headers["retry-after"] == "1"
        assert (await door.request(body())).status_code == 200, "a body of the usual size is always welcome"
        for each in held:
            each.released.set()
        answers = [answer.status_code for answer in await asyncio.gather(*calls)]
        judged = limits.MAX_LARGE_REVIEWS + limits.MAX_WAITING_LARGE_REVIEWS
        assert sorted(answers) == [200] * judged + [503] * (len(held) - judged), "no more wait for their turn"
        assert (await door.request(padded(6 * MIB))).status_code == 200

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_a_large_body_that_takes_long_gives_way_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.server.limits.SLOW_BODY_SECONDS", 0.0)

    class Large(Held):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield padded(6 * MIB)[:-1]
            self.begun.set()
            await self.released.wait()

    async def scene() -> None:
        door, held = Door(), [Large() for _ in range(10)]
        calls = [asyncio.create_task(door.request(aiter(each))) for each in held]
        for each in held:
            await each.begun.wait()
        assert (await door.request(padded(6 * MIB))).status_code == 200
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert {call.result().status_code for call in done} == {503}
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert door.traffic.held == 0

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_a_large_body_whose_last_byte_is_one_too_many_gives_way_and_is_counted_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.server.limits.SLOW_BODY_SECONDS", 0.0)
    monkeypatch.setattr("app.server.limits.MAX_HELD_BYTES", 12 * MIB)

    async def scene() -> None:
        door, oldest, other = Door(), Large(), Large()
        first = asyncio.create_task(door.request(aiter(oldest)))
        await oldest.begun.wait()
        second = asyncio.create_task(door.request(aiter(other)))
        await other.begun.wait()
        small = Held()
        third = asyncio.create_task(door.request(aiter(small)))
        await small.begun.wait()
        oldest.released.set()
        assert (await first).status_code == 503
        for each in (other, small):
            each.released.set()
        assert [answer.status_code for answer in await asyncio.gather(second, third)] == [200, 200]
        assert door.traffic.held == 0

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


def test_as_many_calls_as_the_bound_are_answered_at_the_same_time() -> None:
    async def scene() -> None:
        door, held = Door(most=3), [Held(), Held()]
        calls = [asyncio.create_task(door.request(aiter(each))) for each in held]
        for each in held:
            await each.begun.wait()
        assert (await door.request(body())).status_code == 200
        for each in held:
            each.released.set()
        assert [call.status_code for call in await asyncio.gather(*calls)] == [200, 200]

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


@pytest.mark.parametrize("content", [b"no json", padded(7 * MIB + 1)], ids=["bad", "large"])
def test_a_bad_call_leaves_room_for_the_next(content: bytes) -> None:
    door = Door(most=1)
    for _ in range(3):
        assert door.call(content).status_code in (400, 413)
    assert door.call(body()).status_code == 200


def test_a_caller_that_leaves_in_the_middle_gets_no_answer_and_leaves_room_for_the_next() -> None:
    door = Door(most=1)
    events = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent = []

    async def receive() -> Any:
        return events.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "scheme": "https",
        "path": "/validate", "raw_path": b"/validate", "query_string": b"", "root_path": "",
        "headers": [(b"content-type", b"application/json")], "server": ("webhook.test", 443), "client": ("::1", 1),
    }  # fmt: skip
    asyncio.run(door.webhooks(scope, receive, send))
    assert sent == []
    assert door.call(body()).status_code == 200


# --- What is never told


def hidden(content: bytes) -> bytes:
    """The body with a secret in it, wherever it is as JSON."""
    return content.replace(b'"/data"', b'"/data","%s"' % SECRET.encode()).replace(b"no json", SECRET.encode())


SECRETIVE: dict[str, bytes] = {
    **{name: hidden(content) for name, content in BAD.items()},
    "allowed": body(secretive(backup())),
    "mutated": body(secretive(without_alias())),
    "refused": body(secretive(mistakes())),
    "delete": body(secretive(backup()), operation="DELETE"),
    "unknown kind": body(secretive(backup()), kind={"group": "", "version": "v1", "kind": "Secret"}),
    "update": body(secretive(mistakes()), secretive(backup())),
    "a secret for a key": in_object(f'"{SECRET}":1,"{SECRET}":2'),
    "a secret for a version": envelope(apiVersion=SECRET),
    "a secret for an operation": changed(operation=SECRET),
    "a secret for a type": changed(dryRun=SECRET),
    "a secret for an object": changed(object=SECRET),
    "a secret among groups": changed(userInfo={"username": "jane", "groups": [{SECRET: 1}]}),
    "a secret for a key of the user": changed(userInfo={"username": "jane", "extra": {SECRET: SECRET}}),
    "a secret for a key of the kind": changed(kind={SECRET: SECRET}),
    "a secret beside a deep value": nested(300).replace(b'"x"', f'"{SECRET}"'.encode()),
    "a secret beside a fault": in_object(f'"x":"{SECRET}" "y"'),
    "a secret after the end": body() + SECRET.encode(),
}


@WEBHOOKS
@each(SECRETIVE)
def test_neither_answer_nor_log_holds_contents_of_the_body(door: Door, log: Log, webhook: str, content: bytes) -> None:
    response = door.call(content, webhook)
    patch = base64.b64decode(response.json().get("response", {}).get("patch", "")).decode()
    for told in (response.text, patch, str(response.headers), str(log()), door.manage("/metrics").text):
        assert SECRET not in told


@pytest.mark.parametrize("path", ["/nothing", "/mutate/" + SECRET, "/" + SECRET, f"/validate?{SECRET}=1"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_answer_to_a_wrong_path_or_method_does_not_repeat_what_was_sent(
    door: Door, log: Log, path: str, method: str
) -> None:
    response = door.call(SECRET.encode(), path, method)
    assert response.status_code >= 400
    assert SECRET not in response.text + str(response.headers) + str(log()) + door.manage("/metrics").text


@WEBHOOKS
def test_the_log_of_an_exception_holds_no_contents_of_the_body(
    monkeypatch: pytest.MonkeyPatch, log: Log, webhook: str
) -> None:
    out_of_order(monkeypatch).call(body(secretive(backup())), webhook)
    assert SECRET not in str(log())


FULL = sorted(path for path in (Path(__file__).parents[1] / "e2e/full").glob("*.yaml") if path.stem != "repository")
"""Objects that have every field of their kind."""
QUOTED = {"delay", "driver", "executionOrder", "executionPolicy", "schedule", "sizeLimit", "timeOut"}
"""Fields of which an answer says what is wrong with their text, which no secret is."""


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where an object has a text, its own names left out: they tell which object it is, and are logged."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, dict | list):
            yield from leaves(item, (*path, key))
        elif isinstance(item, str) and (*path, key) not in IDENTITY:
            yield (*path, key)


IDENTITY = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}


def with_secret(document: Document, path: tuple[Any, ...]) -> Document:
    """The object with a secret in place of one text, and beside it in a field that nobody knows."""
    changed: Document = copy.deepcopy(document)
    holder: Any = changed
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = SECRET
    if isinstance(holder, dict):
        holder[f"{SECRET}-as-a-key"] = SECRET
    return changed


@pytest.mark.parametrize("full", FULL, ids=lambda path: path.stem)
def test_no_text_of_an_object_is_in_a_log_or_a_metric_and_hardly_any_in_an_answer(
    door: Door, log: Log, full: Path
) -> None:
    document = load(full.read_text())
    paths = list(leaves(document))
    assert len(paths) > 50

    async def scene() -> None:
        for path in paths:
            secretive = with_secret(document, path)
            for webhook, old in (("/mutate", None), ("/validate", None), ("/validate", document)):
                response = await door.request(body(secretive, old), webhook)
                assert response.status_code == 200
                assert path[-1] in QUOTED or SECRET not in response.text, path

    asyncio.run(scene())
    assert len(log()) == 3 * len(paths)
    assert SECRET not in str(log())
    assert SECRET not in door.manage("/metrics").text


@WEBHOOKS
def test_no_log_and_no_answer_holds_contents_of_the_body_that_an_exception_of_python_quotes(
    monkeypatch: pytest.MonkeyPatch, log: Log, webhook: str
) -> None:
    def decide(request: Request) -> Decision:
        document: Any = request.object
        return Decision(notes=(str(int(document["spec"]["runtimeSettings"]["container"]["env"][0]["value"])),))

    door = out_of_order(monkeypatch, decide)
    response = door.call(body(secretive(backup())), webhook)
    assert response.status_code == 500
    assert [line["exception"] for line in log() if line["event"] == "failed"] == ["ValueError"]
    for told in (response.text, str(response.headers), str(log()), door.manage("/metrics").text):
        assert SECRET not in told


# --- Logs


@WEBHOOKS
def test_a_decision_is_one_line_with_what_was_asked_and_by_whom(door: Door, log: Log, webhook: str) -> None:
    door.call(body(uid="u-1"), webhook)
    (line,) = log()
    assert {key: line[key] for key in CALLER_FIELDS} == {
        "uid": "u-1",
        "operation": "CREATE",
        "kind": "BackupConfiguration",
        "namespace": "demo",
        "name": "shop",
        "user": "jane",
    }
    assert line["webhook"] == webhook[1:]


@pytest.mark.parametrize(
    ("document", "path", "decision", "rules"),
    [
        (backup(), "/mutate", "allowed", []),
        (without_alias(), "/mutate", "mutated", ["default-alias"]),
        (backup(), "/validate", "allowed", []),
        (mistakes(), "/validate", "refused", ["unique-alias", "valid-duration", "valid-schedule"]),
    ],
    ids=["unchanged", "mutated", "allowed", "refused"],
)
def test_the_line_of_a_decision_says_what_was_decided_and_by_which_rules(
    door: Door, log: Log, document: Document, path: str, decision: str, rules: list[str]
) -> None:
    door.call(body(document), path)
    (line,) = log()
    assert (line["decision"], sorted(line["rules"])) == (decision, rules)


def test_the_line_of_a_decision_says_how_many_milliseconds_it_took(monkeypatch: pytest.MonkeyPatch, log: Log) -> None:
    now = 100.0
    monkeypatch.setattr("app.server.webhooks.time.monotonic", lambda: now)

    def slow(_: Request) -> Decision:
        nonlocal now
        now += 0.25
        return Decision()

    out_of_order(monkeypatch, slow).call(body())
    (line,) = log()
    assert line["milliseconds"] == 250


@pytest.mark.parametrize("content", [body(operation="DELETE"), body(subResource="status"), body(kind={
    "group": "", "version": "v1", "kind": "Pod"})], ids=["delete", "subresource", "unknown"])  # fmt: skip
def test_a_call_that_needs_no_decision_is_one_line_too(door: Door, log: Log, content: bytes) -> None:
    door.call(content)
    (line,) = log()
    assert line["decision"] == "allowed"


@pytest.mark.parametrize("content", [b"no json", envelope(request=None)])
def test_a_bad_call_is_one_line_without_a_decision(door: Door, log: Log, content: bytes) -> None:
    door.call(content)
    (line,) = log()
    assert line["level"] == "warning"
    assert line["status"] == 400
    assert "decision" not in line


def test_very_long_names_do_not_make_very_long_lines(door: Door, log: Log) -> None:
    long = "x" * 100_000
    kind = {"group": long, "version": long, "kind": long}
    content = body(uid=long, name=long, namespace=long, userInfo={"username": long}, kind=kind)
    door.call(content)
    (line,) = log()
    assert line["decision"] == "allowed"
    assert len(str(line)) < 4000


# --- Metrics


def value(door: Door, name: str, **labels: str) -> float:
    return door.metrics().get((f"stash_admission_{name}", tuple(sorted(labels.items()))), 0)


def test_every_series_begins_with_the_name_of_the_server(door: Door) -> None:
    for content in (body(), body(mistakes()), b"no json"):
        door.call(content)
    assert all(name.startswith("stash_admission_") for name, _ in door.metrics())


@pytest.mark.parametrize(
    ("document", "webhook", "decision"),
    [
        (backup(), "mutate", "allowed"),
        (without_alias(), "mutate", "mutated"),
        (backup(), "validate", "allowed"),
        (mistakes(), "validate", "refused"),
    ],
)
def test_decisions_are_counted_by_webhook_kind_operation_and_decision(
    door: Door, document: Document, webhook: str, decision: str
) -> None:
    for _ in range(3):
        door.call(body(document), f"/{webhook}")
    labels = {"webhook": webhook, "kind": document["kind"], "operation": "CREATE", "decision": decision}
    assert value(door, "decisions_total", **labels) == 3


def test_the_time_that_decisions_take_is_counted(door: Door) -> None:
    for _ in range(3):
        door.call(body())
    assert value(door, "decision_seconds_count", webhook="validate") == 3
    assert value(door, "decision_seconds_sum", webhook="validate") > 0


def test_what_rules_do_is_counted(door: Door) -> None:
    door.call(body(mistakes()))
    door.call(body(without_alias()), "/mutate")
    assert value(door, "rule_acts_total", rule="valid-schedule", act="refuse") == 1
    assert value(door, "rule_acts_total", rule="default-alias", act="edit") == 1


def test_a_rule_that_acts_often_in_one_review_is_counted_once(door: Door) -> None:
    document = mistakes()
    document["spec"]["members"] *= 5
    door.call(body(document))
    assert value(door, "rule_acts_total", rule="unique-alias", act="refuse") == 1


@pytest.mark.parametrize("content", [b"no json", envelope(request=None), nested(300)])
def test_a_bad_call_is_counted_once_and_is_no_decision(door: Door, content: bytes) -> None:
    door.call(content)
    metrics = door.metrics()
    assert sum(number for (name, _), number in metrics.items() if name == "stash_admission_bad_calls_total") == 1
    assert not any(number for (name, _), number in metrics.items() if name == "stash_admission_decisions_total")


def test_labels_have_values_of_a_closed_set_whatever_is_sent(door: Door) -> None:
    def ask_odd_things(turn: str) -> None:
        odd = f"Odd{turn}"
        for webhook in ("/mutate", "/validate"):
            door.call(body(kind={"group": odd, "version": odd, "kind": odd}), webhook)
            door.call(body(operation=odd), webhook)
            door.call(body(subResource=odd, userInfo={"username": odd}, name=odd, namespace=odd, uid=odd), webhook)
            door.call(envelope(apiVersion=odd), webhook)
            door.call(body(), webhook, headers={"content-type": odd})
            door.call(body(), f"{webhook}/{odd}")
            door.call(body(), webhook, odd)

    ask_odd_things("first")
    known = door.metrics().keys()
    for turn in range(20):
        ask_odd_things(str(turn))
    assert door.metrics().keys() == known
    assert "Odd" not in door.manage("/metrics").text


def test_calls_in_flight_are_counted_while_they_are() -> None:
    async def scene() -> None:
        door, held = Door(), Held()
        call = asyncio.create_task(door.request(aiter(held)))
        await held.begun.wait()
        page = await door.request(path="/metrics", method="GET", app=door.management)
        assert "stash_admission_in_flight 1.0" in page.text
        held.released.set()
        await call
        page = await door.request(path="/metrics", method="GET", app=door.management)
        assert "stash_admission_in_flight 0.0" in page.text

    asyncio.run(asyncio.wait_for(scene(), PATIENCE))


# --- The management port


def test_the_server_is_healthy_even_where_it_is_not_ready(door: Door) -> None:
    door.not_ready = "stopping"
    assert door.manage("/healthz").status_code == 200


def test_the_server_is_ready_when_nothing_speaks_against_it(door: Door) -> None:
    assert door.manage("/readyz").status_code == 200
    assert value(door, "ready") == 1


def test_a_server_that_is_not_ready_says_why(door: Door) -> None:
    door.not_ready = "stopping"
    response = door.manage("/readyz")
    assert response.status_code == 503
    assert "stopping" in response.text
    assert value(door, "ready") == 0


@pytest.mark.parametrize("path", ["/", "/mutate", "/validate", "/docs", "/redoc", "/openapi.json"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_management_port_has_nothing_else(door: Door, path: str, method: str) -> None:
    assert door.manage(path, method).status_code == 404
