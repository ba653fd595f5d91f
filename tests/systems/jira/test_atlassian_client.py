"""The stand-in, held to Jira's API by atlassian-python-api, which the provider's hook uses.

https://github.com/atlassian-api/atlassian-python-api
"""

from __future__ import annotations

from typing import Any

import pytest
from atlassian import Jira
from requests import HTTPError

from lab.access import Login


def client_of(login: Login, **more: Any) -> Jira:
    found = Jira(login.url, login.user, login.password, timeout=30, api_version="2", **more)
    found.session.trust_env = False
    return found


@pytest.fixture
def client(jira: Login) -> Jira:
    return client_of(jira)


def fields(**more: Any) -> dict[str, Any]:
    return {"project": {"key": "SLIP"}, "issuetype": {"name": "Bug"}, "summary": "It fails", **more}


def create(client: Jira, **more: Any) -> str:
    made: Any = client.create_issue(fields(**more))
    return str(made["key"])


def test_an_issue_is_created_and_read_back(client: Jira) -> None:
    key = create(client, description="Because\nof this", labels=["one", "two"], priority={"name": "High"})
    found: Any = client.issue(key)
    assert key == "SLIP-1"
    assert found["fields"]["description"] == "Because\nof this"
    assert found["fields"]["labels"] == ["one", "two"]
    assert found["fields"]["status"]["statusCategory"]["key"] == "new"
    assert found["fields"]["reporter"]["name"] == "slipway"


def test_issues_are_found_by_label_project_and_category(client: Jira) -> None:
    wanted, other = create(client, labels=["mine"]), create(client, labels=["other"])
    without, done = create(client), create(client, labels=["mine"])
    client.set_issue_status(done, "Done")

    def found(query: str) -> list[str]:
        answer: Any = client.jql(query, fields=["labels"])
        return [issue["key"] for issue in answer["issues"]]

    assert found('project = SLIP AND labels = "mine" AND statusCategory != Done') == [wanted]
    assert found('project = "Slipway" and labels in (mine, "other") order by key') == [wanted, other, done]
    assert found("labels is empty") == [without]
    assert found("labels != mine ORDER BY created ASC") == [other]
    assert found("NOT (labels = mine OR labels = other) AND status = 'To Do'") == [without]
    assert found(f"key = {done} AND statusCategory = done") == [done]
    assert found('labels = "a\\"b"') == []
    assert found("") == [done, without, other, wanted]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("colour = red", "Field 'colour' does not exist"),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'"),
        ("statusCategory = finished", "The value 'finished' does not exist"),
        ("labels > 5", "operator '>' is not supported by the 'labels' field"),
        ("labels =", "Expecting a value but reached the end of the query"),
        ("labels = a b", "Expecting either 'OR' or 'AND' but got 'b'"),
        ("labels = and", "Expecting a value but got 'and'"),
        ("labels in (a", "Expecting '\\)'"),
        ("labels", "Expecting operator"),
        ('labels = "a', "is unexpected"),
        ("(" * 60 + "labels = a", "nested too deeply"),
        ("labels = a ORDER BY colour", "Not able to sort using field 'colour'"),
    ],
)
def test_a_query_that_jira_refuses_is_refused(client: Jira, query: str, told: str) -> None:
    with pytest.raises(HTTPError, match=told) as refused:
        client.jql(query)
    assert refused.value.response.status_code == 400


def test_pages_have_the_size_that_was_asked_for(client: Jira) -> None:
    keys = [create(client) for _ in range(3)]
    first: Any = client.jql("project = SLIP ORDER BY key", start=0, limit=2)
    rest: Any = client.jql("project = SLIP ORDER BY key", start=2, limit=2)
    assert [first["total"], rest["total"]] == [3, 3]
    assert [issue["key"] for page in (first, rest) for issue in page["issues"]] == keys


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"project": {"key": "NOPE"}}, "valid project is required"),
        ({"issuetype": {"name": "Epic"}}, "issue type selected is invalid"),
        ({"summary": " "}, "must specify a summary"),
        ({"summary": "a\nb"}, "newline"),
        ({"summary": "x" * 256}, "less than 255"),
        ({"description": "x" * 32_768}, "32,767"),
        ({"labels": ["a b"]}, "contains spaces"),
        ({"labels": "a"}, "data was not an array"),
        ({"customfield_10001": 1}, "cannot be set. It is not on the appropriate screen, or unknown"),
        ({"priority": {"name": "Now"}}, "priority selected is invalid"),
    ],
)
def test_an_issue_that_jira_refuses_is_refused(client: Jira, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(HTTPError, match=told) as refused:
        create(client, **wrong)
    assert refused.value.response.status_code == 400
    assert client.jql("")["total"] == 0  # type: ignore[index, call-overload]


def test_comments_are_kept_in_order(client: Jira) -> None:
    key = create(client)
    for body in ("first", "second"):
        client.issue_add_comment(key, body)
    answer: Any = client.issue_get_comments(key)
    assert [comment["body"] for comment in answer["comments"]] == ["first", "second"]
    assert answer["total"] == 2
    with pytest.raises(HTTPError, match="can not be empty"):
        client.issue_add_comment(key, " ")
    with pytest.raises(HTTPError, match="Issue Does Not Exist"):
        client.issue_add_comment("SLIP-99", "third")


def test_the_classic_workflow_asks_for_a_resolution(client: Jira) -> None:
    key = create(client, project={"key": "OPS"})
    shown: Any = client.get_issue_transitions_full(key, expand="transitions.fields")
    ways = {way["name"]: way for way in shown["transitions"]}
    assert set(ways) == {"Start Progress", "Resolve Issue", "Close Issue"}
    assert ways["Resolve Issue"]["fields"]["resolution"]["required"]
    with pytest.raises(HTTPError, match="Resolution is required"):
        client.set_issue_status(key, "Resolved")
    client.set_issue_status(key, "Resolved", fields={"resolution": {"name": "Fixed"}})
    done: Any = client.issue(key)
    assert done["fields"]["status"]["statusCategory"]["key"] == "done"
    assert done["fields"]["resolution"] == {"name": "Fixed"}
    with pytest.raises(HTTPError, match="not valid for the current state"):
        client.set_issue_status_by_transition_id(key, 4)


def test_a_wrong_login_is_refused(jira: Login) -> None:
    for login in (Login(jira.url, jira.user, "wrong"), Login(jira.url, "nobody", jira.password)):
        with pytest.raises(HTTPError, match=r"Unauthorized \(401\)"):
            client_of(login).myself()
    by_token = Jira(jira.url, token=jira.password, api_version="2")
    by_token.session.trust_env = False
    assert by_token.myself()["name"] == "slipway"  # type: ignore[index, call-overload]
    with pytest.raises(HTTPError, match="not authenticated"):
        Jira(jira.url, api_version="2").myself()


def test_cloud_is_searched_by_its_own_address(jira_cloud: Login) -> None:
    client = client_of(jira_cloud)
    create(client, labels=["mine"])
    with pytest.raises(HTTPError, match="has been removed") as gone:
        client.jql("project = SLIP")
    assert gone.value.response.status_code == 410
    answer: Any = client_of(jira_cloud, cloud=True).jql("project = SLIP", fields=["labels"])
    assert [issue["fields"] for issue in answer["issues"]] == [{"labels": ["mine"]}]
