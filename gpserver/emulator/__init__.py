"""A server whose jobs, faults, time and chance a test decides, and which tells what clients sent."""
