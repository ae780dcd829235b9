"""Batches on the wire: what goes out byte for byte, and answers in every shape that servers were seen to send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsync.crm.dynamics.multipart import BOUNDARY, Part, batch_answers, batch_body, parted
from leadsync.errors import CrmUnavailable
from leadsync.http import Answer

ROOT = "https://acme.crm4.dynamics.com/api/data/v9.2/"


def answered(body: bytes, kind: str = "multipart/mixed; boundary=batchresponse_1") -> Answer:
    return Answer(200, {"content-type": kind}, body)


def test_a_batch_goes_out_byte_for_byte() -> None:
    parts = [
        Part("leads(1)", "PATCH", {"If-Match": "*"}, {"leadsync_score": 72}),
        Part(f"{ROOT}leads(1)?$select=statuscode"),
    ]
    assert batch_body(parts, ROOT).decode().split("\r\n") == [
        f"--{BOUNDARY}", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "",
        f"PATCH {ROOT}leads(1) HTTP/1.1", "Accept: application/json", "If-Match: *", "Content-Type: application/json; type=entry", "",
        '{"leadsync_score":72}',
        f"--{BOUNDARY}", "Content-Type: application/http", "Content-Transfer-Encoding: binary", "",
        f"GET {ROOT}leads(1)?$select=statuscode HTTP/1.1", "Accept: application/json", "", "",
        f"--{BOUNDARY}--", "",
    ]  # fmt: skip


CHANGES = b"""preamble\r
--batchresponse_1\r
Content-Type: application/http\r
Content-Transfer-Encoding: binary\r
\r
HTTP/1.1 204 No Content\r
OData-Version: 4.0\r
\r
\r
--batchresponse_1\r
Content-Type: multipart/mixed; boundary=changesetresponse_7\r
\r
--changesetresponse_7\r
Content-Type: application/http\r
Content-ID: 1\r
\r
HTTP/1.1 412 Precondition Failed\r
Content-Type: application/json; odata.metadata=minimal\r
\r
{"error":{"code":"0x80060882","message":"--batchresponse_1 in the text"}}\r
--changesetresponse_7--\r
--batchresponse_1\r
Content-Type: application/http\r
\r
HTTP/1.1 200 OK\r
Content-Type: application/json\r
ETag: W/"5"\r
\r
{"statuscode":2}\r
--batchresponse_1--\r
"""


@pytest.mark.parametrize("body", [CHANGES, CHANGES.replace(b"\r\n", b"\n")], ids=["crlf", "lf"])
@pytest.mark.parametrize(
    "kind", ["multipart/mixed; boundary=batchresponse_1", 'Multipart/Mixed;boundary="batchresponse_1"']
)
def test_answers_come_in_order_change_sets_in_their_place(body: bytes, kind: str) -> None:
    found = batch_answers(answered(body, kind), 3)
    assert [one.status for one in found] == [204, 412, 200]
    assert [one.body for one in found][2] == b'{"statuscode":2}'
    assert b"in the text" in found[1].body
    assert found[2].headers["etag"] == 'W/"5"'


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=40), max_size=6))
def test_every_body_comes_back_whatever_is_in_it(texts: list[str]) -> None:
    parts = [
        b"--b_1\r\nContent-Type: application/http\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + b"{" + text.encode() + b"}"
        for text in texts
    ]
    found = parted(answered(b"\r\n".join([*parts, b"--b_1--\r\n"]), "multipart/mixed; boundary=b_1"))
    assert [one.body for one in found] == [b"{" + text.encode() + b"}" for text in texts]


@pytest.mark.parametrize(
    "body",
    [CHANGES[:120], CHANGES.replace(b"HTTP/1.1 204", b"nothing"), b""],
)
def test_answers_that_do_not_fit_prove_nothing(body: bytes) -> None:
    with pytest.raises(CrmUnavailable):
        batch_answers(answered(body), 3)


def test_a_refusal_of_the_whole_batch_is_no_multipart() -> None:
    assert parted(answered(b'{"error":{}}', "application/json")) == []
