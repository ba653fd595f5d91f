"""A server that speaks the part of Jira's REST API (v2) that keeps issues.

https://docs.atlassian.com/software/jira/docs/api/REST/9.12.0/
"""
