#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A rule file with any mistake is refused with its place, whichever mistake it is.
set -eu
exec python3 "$(dirname "$0")/rule_mistakes.py" "$@"
