"""The pretend providers: one server that answers like the real ones, makes real clips, and fails on request."""
