# SPDX-License-Identifier: Apache-2.0
"""The Java programs that Punos is measured beside (peers/pom.xml), downloaded once."""
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

POM = Path(__file__).resolve().parent / "peers/pom.xml"
CACHE = Path(os.environ.get("PUNOS_TEST_CACHE", Path.home() / ".cache/punos"))


def folder():
    """The folder with their jars; None when there is no compiler for Java here."""
    if not shutil.which("javac") or not shutil.which("mvn"):
        return None
    found = CACHE / f"bench-peers-{hashlib.sha256(POM.read_bytes()).hexdigest()[:8]}"
    if not found.exists():
        part = found.with_suffix(".part")
        subprocess.run(["mvn", "-q", "-B", "-f", POM, "dependency:copy-dependencies",
                        f"-DoutputDirectory={part}"], check=True, stdout=subprocess.DEVNULL)
        part.rename(found)
    return found
