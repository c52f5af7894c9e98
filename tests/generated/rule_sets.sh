#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/RULE-SETS.md is what config/rules says. `tests/generated/rule_sets.sh --write` makes it anew.
set -eu
cd "$(dirname "$0")/../.."
mode=${1:-}
made=$(mktemp)
trap 'rm -f "$made"' EXIT
{
    cat <<'HEAD'
# The rule sets

Made from `config/rules/*.yaml` by `punos rules list` (`tests/generated/rule_sets.sh --write`). `start.yaml` is what a county
starts with; the other files are one source document each, whole. The language stands in `docs/RULES.md`. *Number*: whether the
document gives it (or says that once is enough), or whether it is ours. `tests/integration/run_triggers.sh` shows each rule
firing from the native messages of at least two systems, and not when one of them is missing; which system each rule of
`start.yaml` is blind at stands in [RULES-BY-SYSTEM.md](RULES-BY-SYSTEM.md). What `(000:312)` points to: [SOURCES.md](SOURCES.md).
HEAD
    set -- config/rules/start.yaml
    for file in config/rules/*.yaml; do
        [ "$file" = config/rules/start.yaml ] || set -- "$@" "$file"
    done
    "${PN_TEST_BUILD:-build}/punos" rules list "$@"
} >"$made"
if [ "$mode" = --write ]; then
    cp "$made" docs/RULE-SETS.md
else
    diff -u docs/RULE-SETS.md "$made"
fi
