"""Jira: issues."""
