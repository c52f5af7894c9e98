#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The units of deploy/systemd are good by systemd-analyze (left out where it is not), and the monthly
one's commands run over a hub's data as systemd would run them."""
import os
import pwd
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests/lib"))
from hub import Hub, wait_until  # noqa: E402

UNITS = ROOT / "deploy/systemd"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"  # what systemd gives


def verify(folder):
    """In a root of its own, with the program and systemd's own units in it."""
    for inside in ("etc/systemd/system", "usr/local/bin", "usr/bin", "bin", "lib/systemd"):
        (folder / inside).mkdir(parents=True)
    for unit in UNITS.iterdir():
        shutil.copy(unit, folder / "etc/systemd/system")
    shutil.copy(os.environ["PN_TEST_BINARY"], folder / "usr/local/bin/punos")
    for tool in ("bin/mkdir", "usr/bin/find"):
        shutil.copy(f"/{tool}", folder / tool)
    shutil.copytree("/lib/systemd/system", folder / "lib/systemd/system", symlinks=True)
    names = [name.replace("@.", "@identify.") for name in sorted(unit.name for unit in UNITS.iterdir())]
    answer = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={folder}",
                             *(f"/etc/systemd/system/{name}" for name in names)],
                            capture_output=True, text=True, check=False)
    found = [line for line in answer.stderr.splitlines() if "punos" in line]
    assert not found, "\n".join(found)


def settings(name):
    """The unit's settings: name to its values, in order."""
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", (UNITS / name).read_text(encoding="utf-8"), re.M):
        found.setdefault(key, []).append(value)
    return found


def run_as_unit(unit, places):
    """ExecStartPre and ExecStart, with the places that the test has instead of the unit's."""
    user = pwd.getpwnam("nobody")
    drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    for line in unit.get("ExecStartPre", []) + unit["ExecStart"]:
        words = shlex.split(line)
        for old, new in places.items():
            words = [re.sub(rf"^{re.escape(old)}(?=/|$)", str(new), word) for word in words]
        answer = subprocess.run(words, cwd="/", env={"PATH": PATH, "LANG": "C.UTF-8"}, check=False,
                                umask=int(unit["UMask"][0], 8), capture_output=True, text=True, **drop)
        assert answer.returncode == 0, f"{line}: {answer.returncode} {answer.stderr}"


def give(folder):
    """The folder, and what is in it, to the user that the unit's commands run as."""
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)


def export(folder):
    """The hub has run and is stopped: its folder is the unit's state folder."""
    with Hub(systems=["oberon"]) as hub:
        wait_until(lambda: (hub.data / "store/identify.db").exists(), 60, "identify's store")
        hub.stop()
        state, program = folder / "state", folder / "bin"
        shutil.copytree(hub.data, state)
        program.mkdir()
        shutil.copy(os.environ["PN_TEST_BINARY"], program / "punos")
        shutil.copytree(ROOT / "adapters", folder / "adapters")
        shutil.copytree(ROOT / "config", folder / "config")
        config = Path(shutil.copy(hub.config, folder / "punos.yaml"))
    state.chmod(0o700)
    (state / "lists").mkdir(mode=0o700)
    for name, days in (("of-long-ago.csv", 402), ("of-last-year.csv", 395)):
        old = state / "lists" / name
        old.touch(mode=0o600)
        os.utime(old, (time.time() - days * 86400,) * 2)
    give(folder)
    unit = settings("punos-worklist.service")
    places = {"/usr/local/bin/punos": program / "punos", "/etc/punos/punos.yaml": config,
              "/var/lib/punos": state}
    for _ in range(2):  # another run, of the same month, is no trouble
        run_as_unit(unit, places)
    made = list((state / "lists").iterdir())
    kept = {path.name for path in made}
    assert "of-long-ago.csv" not in kept and "of-last-year.csv" in kept, kept
    assert len(made) > 1, "no list was written"
    for path in [state / "lists", *made]:
        assert path.stat().st_mode & 0o077 == 0, f"{path.name} is for others too"
    return len(made) - 1


def main():
    is_verified = shutil.which("systemd-analyze") is not None
    with tempfile.TemporaryDirectory(prefix="punos-units-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if is_verified:
            verify(folder / "root")
        (folder / "run").mkdir(mode=0o755)
        count = export(folder / "run")
    print(f"{count} lists written" + ("" if is_verified else "; there is no systemd-analyze here"))


if __name__ == "__main__":
    main()
