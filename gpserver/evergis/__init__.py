"""The scheduler tasks of EverGIS: their bodies, the storages they read and write, and their work."""
