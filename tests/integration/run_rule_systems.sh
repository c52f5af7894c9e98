#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Which rule of config/rules/start.yaml fires from which system's own messages: docs/RULES-BY-SYSTEM.md is what
# happens when they are told. `--write` makes it anew.
#   tests/integration/run_rule_systems.sh [BUILD FOLDER] [--write]
set -euo pipefail
cd "$(dirname "$0")/../.."
python3 tests/integration/triggers/by_system.py "${1:-build}" "${@:2}"
