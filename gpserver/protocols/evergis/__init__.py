"""EverGIS' REST: scheduler, layers, features, EQL, resources and account, at ``/`` and below ``/sp``."""
