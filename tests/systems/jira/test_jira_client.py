"""The stand-in, held to Jira's API by the package ``jira``.

https://github.com/pycontribs/jira
"""

from __future__ import annotations

import pytest
from jira import JIRA
from jira.exceptions import JIRAError

from lab.access import Login


def client_of(login: Login, token: str = "") -> JIRA:
    found = JIRA(login.url, basic_auth=(login.user, token or login.password), max_retries=0, timeout=30)
    found._session.trust_env = False
    return found


@pytest.fixture
def client(jira: Login) -> JIRA:
    return client_of(jira)


def test_the_server_says_what_it_is(client: JIRA) -> None:
    assert client.server_info()["versionNumbers"] == [9, 12, 5]
    assert not client._is_cloud
    assert client.myself()["name"] == "slipway"
    assert {project.key for project in client.projects()} == {"SLIP", "OPS"}
    assert client.project("OPS").name == "Operations"


def test_an_issue_lives(client: JIRA) -> None:
    issue = client.create_issue(project="SLIP", issuetype="Task", summary="It fails", labels=["one"])
    assert (issue.key, issue.fields.summary, issue.fields.labels) == ("SLIP-1", "It fails", ["one"])
    issue.update(summary="It still fails")
    client.add_comment(issue, "Once more")
    [found] = client.search_issues("project = SLIP AND labels = one AND statusCategory != Done")
    assert found.fields.summary == "It still fails"
    assert [comment.body for comment in client.comments(issue)] == ["Once more"]
    client.transition_issue(issue, "Done")
    assert client.issue("SLIP-1").fields.status.statusCategory.key == "done"
    assert client.issue("SLIP-1").fields.resolution.name == "Done"
    assert not client.search_issues("labels = one AND statusCategory != Done")


def test_the_classic_workflow_asks_for_a_resolution(client: JIRA) -> None:
    issue = client.create_issue(project="OPS", issuetype="Bug", summary="It fails")
    with pytest.raises(JIRAError, match="Resolution is required"):
        client.transition_issue(issue, "Close Issue")
    client.transition_issue(issue, "Close Issue", resolution={"name": "Fixed"})
    assert client.issue(issue.key).fields.resolution.name == "Fixed"
    client.transition_issue(issue, "Reopen Issue")
    assert client.issue(issue.key).fields.resolution is None


def test_many_are_found_page_by_page(client: JIRA) -> None:
    keys = [
        client.create_issue(project="SLIP", issuetype="Bug", summary=f"No {number}").key
        for number in range(5)
    ]
    found = client.search_issues("project = SLIP ORDER BY created ASC", maxResults=False)
    assert [issue.key for issue in found] == keys


def test_refusals_say_why(client: JIRA, jira: Login) -> None:
    with pytest.raises(JIRAError, match="Field 'colour' does not exist") as refused:
        client.search_issues("colour = red")
    assert refused.value.status_code == 400
    with pytest.raises(JIRAError, match="cannot be set"):
        client.create_issue(project="SLIP", issuetype="Bug", summary="x", colour="red")
    with pytest.raises(JIRAError, match="contains spaces"):
        client.create_issue(project="SLIP", issuetype="Bug", summary="x", labels=["a b"])
    with pytest.raises(JIRAError) as unknown:
        client.issue("SLIP-99")
    assert unknown.value.status_code == 404
    with pytest.raises(JIRAError) as wrong:
        client_of(jira, "wrong").myself()
    assert wrong.value.status_code == 401
