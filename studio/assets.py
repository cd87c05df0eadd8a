"""Static files as they are served: our own style sheets and scripts without comments and blank space, then hashed and
compressed. Files of others stay as they came.
"""

import re
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Any:
        for name in filter(is_ours, paths if not dry_run else ()):
            file = Path(self.path(name))
            file.write_text(small(name, file.read_text()))
            paths[name] = (self, name)  # what is hashed from here on is the copy, not the source
        yield from super().post_process(paths, dry_run, **options)


def is_ours(name: str) -> bool:
    return "/" not in name and name.endswith((".css", ".js"))


def small(name: str, text: str) -> str:
    return small_style(text) if name.endswith(".css") else small_script(text)


def small_style(css: str) -> str:
    """Strings stay as they are; around `:`, `+` and brackets blank space has a meaning."""
    pieces = re.split(r"""("[^"]*"|'[^']*')""", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))
    for at in range(0, len(pieces), 2):
        pieces[at] = re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", pieces[at])).replace(";}", "}")
    return "".join(pieces).strip()


def small_script(script: str) -> str:
    """Without lines that are only a comment, and without indentation. Lines stay lines, so nothing changes its meaning as
    long as no text runs over several of them (tests/test_assets.py)."""
    lines = (line.strip() for line in script.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//"))
