"""What the cluster's other workers do, for a loop without a cluster."""

from generations import lifecycle, tasks


def on_the_spot(task: str, pks: list[int]) -> None:
    """Each task at once, as a worker runs it: an archive task draws the pictures as well."""
    for pk in pks:
        getattr(tasks, task)(pk)


def verbs_alone(task: str, pks: list[int]) -> None:
    """Each verb at once, and nothing else of what is due."""
    for pk in pks:
        getattr(lifecycle, task)(pk)
