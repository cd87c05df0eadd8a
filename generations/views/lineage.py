"""Where a shot came from and what came from it: a tree from the first ancestor down."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Prefetch

from ..models import Asset, Generation, Reuse
from ..models.generation import GenerationQuerySet

MOST, SIBLINGS = 40, 6  # shots in a tree, children of one that are shown
DEEPEST = 60  # ancestors that are looked for
HOW = {Reuse.REMIX: "Remix", Reuse.TAKE: "New take", Reuse.FRAME: "From the last frame"}


@dataclass
class Node:
    """One shot; `more` of its children are not shown."""

    shot: Generation
    is_this: bool
    children: list[Node] = field(default_factory=list)
    more: int = 0

    @property
    def words(self) -> str:
        """How it came about and by whom; another model is said."""
        how = HOW.get(Reuse(self.shot.reuse), "") if self.shot.reuse else self.shot.model_name
        return f"{how}, this shot" if self.is_this else f"{how}, by {self.shot.created_by}"

    @property
    def picture(self) -> Asset | None:
        found: Asset | None = self.shot.asset(Asset.POSTER_SMALL)
        return found


@dataclass
class Tree:
    root: Node
    shots: int
    generations: int


def of(shot: Generation) -> Tree | None:
    """None for a shot that stands alone."""
    root, line = _first(shot)
    if root.pk == shot.pk and not shot.children.kept().exists():
        return None
    nodes = {root.pk: Node(root, root.pk == shot.pk)}
    level, depth = [root.pk], 1
    while level and len(nodes) < MOST:
        found = _children(shot, level)
        level = _place(found, nodes, line, shot.pk)
        depth += bool(level)
    return Tree(nodes[root.pk], len(nodes), depth)


def _first(shot: Generation) -> tuple[Generation, set[int]]:
    """The oldest ancestor, and everything on the way to it. A parent that was in the bin is still one."""
    line = {shot.pk}
    while shot.parent_id and shot.parent_id not in line and len(line) < DEEPEST:
        parent = _drawn(Generation.objects.of_team(shot.team)).filter(pk=shot.parent_id).first()
        if parent is None:
            break
        line.add(parent.pk)
        shot = parent
    return shot, line


def _children(shot: Generation, level: list[int]) -> list[Generation]:
    rows = _drawn(Generation.objects.of_team(shot.team).kept())
    return list(rows.filter(parent_id__in=level).order_by("created_at", "pk")[: MOST * 4])


def _place(found: list[Generation], nodes: dict[int, Node], line: set[int], this: int) -> list[int]:
    """Put a level under its parents; what leads to this shot comes first and is never left out. Gives the new ids."""
    new = []
    for row in sorted(found, key=lambda row: row.pk not in line):
        parent = nodes[row.parent_id or 0]
        if row.pk in nodes:
            continue
        if row.pk not in line and (len(parent.children) >= SIBLINGS or len(nodes) >= MOST):
            parent.more += 1
            continue
        nodes[row.pk] = Node(row, row.pk == this)
        parent.children.append(nodes[row.pk])
        new.append(row.pk)
    return new


def _drawn(rows: GenerationQuerySet) -> GenerationQuerySet:
    pictures = Prefetch("assets", Asset.objects.filter(kind=Asset.POSTER_SMALL))
    return rows.select_related("created_by", "team").defer("result_url").prefetch_related(pictures)
