"""Turns a still picture into a moving one. Imported only by the render process, so the server stays small."""
