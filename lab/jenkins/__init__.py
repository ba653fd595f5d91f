"""A server that answers like Jenkins, for the demo and the tests.

It speaks the part of Jenkins' remote access API that Slipway and public clients use
(https://www.jenkins.io/doc/book/using/remote-access-api/): crumbs, folders, jobs, the queue, builds, their
consoles, artifacts and fingerprints, and shutting down. A job is a freestyle project's ``config.xml`` as
Jenkins writes it; its shell steps are really run. What it does not know it answers with 404.

One thing is its own: the notification plugin's message is signed, and sent as Slipway's webhook takes it.
"""
