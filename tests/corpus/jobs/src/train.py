import sys

sys.stdout.write("trained")
