"""The protocols this server speaks: one folder each, over the same engine."""
