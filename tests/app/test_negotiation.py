"""Which form of answer an `Accept` header takes: by weights, by how closely a range describes it, and by order."""

import pytest

from app.graphql.negotiation import Accepted, Form, accepted

JSON, RESPONSE, EVENTS, PARTS = Form.JSON, Form.RESPONSE, Form.EVENTS, Form.PARTS
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)
APOLLO = "application/graphql-response+json,application/json;q=0.9"


@pytest.mark.parametrize(
    ("header", "form"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/graphql-response+json", RESPONSE),
        ("APPLICATION/GraphQL-Response+JSON", RESPONSE),
        ("application/graphql-response+json, application/json", RESPONSE),
        ("application/json, application/graphql-response+json", JSON),
        ("application/json;q=0.5, application/graphql-response+json;q=0.8", RESPONSE),
        ("application/graphql-response+json;q=0.8, application/json", JSON),
        ("application/json;q=0, */*", RESPONSE),
        ("application/graphql-response+json;q=0.1, */*;q=0.9", JSON),
        ("*/*;q=0.1, application/graphql-response+json;q=0.2", RESPONSE),
        ("text/html, application/xml;q=0.9, */*;q=0.8", JSON),
        ("application/json;charset=utf-8", JSON),
        ('application/json; charset="UTF-8"', JSON),
        ("application/graphql-response+json;charset=latin-1, application/json;q=0.1", JSON),
        (APOLLO, RESPONSE),
        (URQL, RESPONSE),
        ("application/json;q=2", None),
        ("application/json;q=x", None),
        ("application/json;q=0", None),
        ("text/html", None),
        ("xapplication/jsonx", None),
        (",;,;q=1,", None),
        ("text/event-stream", None),
        ("*/*;q=0", None),
    ],
)
def test_one_answer_goes_in_the_form_that_is_liked_best(header: str | None, form: Form | None) -> None:
    assert accepted(header).single is form


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("*/*", Accepted(JSON, None, prefers_stream=False)),
        ("text/*, multipart/*", Accepted(None, None, prefers_stream=False)),
        ("text/event-stream", Accepted(None, EVENTS, prefers_stream=True)),
        ("text/event-stream, multipart/mixed", Accepted(None, EVENTS, prefers_stream=True)),
        (URQL, Accepted(RESPONSE, EVENTS, prefers_stream=False)),
        ("text/event-stream, application/json", Accepted(JSON, EVENTS, prefers_stream=True)),
        ("text/event-stream;q=0.9, application/json", Accepted(JSON, EVENTS, prefers_stream=False)),
        ("application/json;q=0.9, text/event-stream", Accepted(JSON, EVENTS, prefers_stream=True)),
        ("*/*, text/event-stream", Accepted(JSON, EVENTS, prefers_stream=False)),
        ("multipart/mixed", Accepted(None, None, prefers_stream=False)),
        ("multipart/mixed;deferSpec=20220824, application/json", Accepted(JSON, None, prefers_stream=False)),
        (f"multipart/mixed;boundary=graphql;subscriptionSpec=1.0,{APOLLO}", Accepted(RESPONSE, PARTS, True)),
        ('multipart/mixed;subscriptionSpec="1.0"', Accepted(None, PARTS, prefers_stream=True)),
        ('multipart/mixed;boundary="a,b;c";subscriptionSpec=1.0', Accepted(None, PARTS, prefers_stream=True)),
    ],
)
def test_a_stream_is_for_those_who_name_it_and_preferred_where_it_comes_first(header: str, expected: Accepted) -> None:
    assert accepted(header) == expected
