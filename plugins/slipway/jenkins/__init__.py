"""Jenkins: https://www.jenkins.io/doc/book/using/remote-access-api/."""
