"""The lab's code registry: Git over HTTP whose pushes send GitHub-shaped, signed webhooks.

It stands for GitHub: bare repositories served by Git's own ``git http-backend``, made on the first push,
and a ``post-receive`` hook that sends what GitHub sends.
"""
