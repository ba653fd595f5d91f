"""The task of ``retention``: what is kept where, what runs, and the removal of what was decided."""
