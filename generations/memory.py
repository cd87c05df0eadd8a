"""How the long-lived processes treat Python's collector."""

import gc


def keep_what_is_loaded() -> None:
    """Once, when everything is imported: what is there stays, and is never looked through again (which would also write to
    every page that forked workers share). The ORM makes objects by the thousand: with Python's threshold of 700 each page
    and each query pays for a collection.
    """
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
