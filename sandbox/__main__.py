"""python -m sandbox --host 127.0.0.1 --port 8001 --data DIR [--seconds 6]"""

import argparse
import os
from pathlib import Path

from .app import SECONDS, create_app
from .server import build_server


def main() -> None:
    parser = argparse.ArgumentParser(prog="sandbox", description="A pretend video provider. Costs nothing.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--data", type=Path, required=True, help="folder for the ledger, the tasks and the clips")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("STUDIO_SANDBOX_SECONDS") or SECONDS))
    options = parser.parse_args()
    build_server(create_app(options.data, options.seconds), options.host, options.port).run()


if __name__ == "__main__":
    main()
