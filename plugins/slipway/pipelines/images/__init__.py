"""The tasks of the image pipelines: each kind of a commit's image is built once, kept, handed on."""
