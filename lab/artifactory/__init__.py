"""A server that answers like JFrog Artifactory, for the demo and the tests.

It speaks the part of Artifactory's REST API that Slipway and public clients use
(https://jfrog.com/help/r/jfrog-rest-apis): repositories, deployment by content and by checksum, properties,
copy and move, searches by AQL, property and checksum, signed URLs, and build-info. It refuses what
Artifactory refuses. What it does not do it refuses too, with status 400 or 501 and the reason.

Its Docker repositories show what a Docker registry holds: see :mod:`lab.artifactory.docker_view`.
"""
