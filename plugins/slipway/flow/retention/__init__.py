"""Which images stay and which go, and in which order. Pure.

What is there (:mod:`.stored`), what it is needed for (:mod:`.promises`), the decision (:mod:`.plan`).
"""
