"""Standardised SQL: text -> tree -> terms that compute Arrow columns; nothing of the text ever runs."""
