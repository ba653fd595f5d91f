"""Programs that run what applications bring: kept apart from the worker, and ended with it."""
