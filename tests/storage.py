"""The production storage of static files, which also answers before anything was collected."""

from studio import assets


class StaticFiles(assets.StaticFiles):
    def stored_name(self, name: str) -> str:
        """The hashed name once `collectstatic` ran; before that the plain one, where production would refuse."""
        return super().stored_name(name) if self.hashed_files else name
