"""Static files as they are served: our own style sheets and scripts made small, then hashed and compressed. Files of others
stay as they came.
"""

import re
from pathlib import Path
from typing import Any

from whitenoise.storage import CompressedManifestStaticFilesStorage

INSIDE = re.compile(r"(?<=[\w\])]) +(?=::|:[a-z-]+\()")  # in ".card :is(b, i)" rcssmin drops the space: another rule


class StaticFiles(CompressedManifestStaticFilesStorage):
    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Any:
        for name in filter(is_ours, paths if not dry_run else ()):
            file = Path(self.path(name))
            file.write_text(small(name, file.read_text(encoding="utf-8")), encoding="utf-8")
            paths[name] = (self, name)  # what is hashed from here on is the copy, not the source
        yield from super().post_process(paths, dry_run, **options)


def is_ours(name: str) -> bool:
    return "/" not in name and name.endswith((".css", ".js"))


def small(name: str, text: str) -> str:
    """The same style sheet or script without comments and needless blank space."""
    from rcssmin import cssmin  # here: only collectstatic needs them, and memory is kept for a whole run
    from rjsmin import jsmin

    return str(cssmin(INSIDE.sub(" *", text)) if name.endswith(".css") else jsmin(text))
