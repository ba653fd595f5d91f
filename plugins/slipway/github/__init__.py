"""The code registry: one commit's files, fetched by Git."""
