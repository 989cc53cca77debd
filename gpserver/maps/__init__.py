"""The result map service: layers are queried, drawn and described; nothing here knows HTTP."""
