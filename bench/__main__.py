"""`python -m bench [claim …]`: each claim in a process of its own, so that none warms another."""

import subprocess
import sys

CLAIMS = ("gallery", "idle", "jobs")

if __name__ == "__main__":
    asked = sys.argv[1:] or CLAIMS
    codes = [subprocess.run([sys.executable, "-m", f"bench.{claim}"], check=False).returncode for claim in asked]
    sys.exit(max(codes))
