"""What the tasks of the image pipelines do: a commit's image of each kind is built once, kept, handed on."""
