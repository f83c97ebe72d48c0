"""The life of renders under faults: the real functions in a world of memory, by one seed."""
