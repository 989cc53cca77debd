import sys

sys.exit("a module that leaves at import")
