#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The alerts speak of figures that there are; where promtool is, they fire and end as they should.
set -euo pipefail
cd "$(dirname "$0")/../.."
for name in $(grep -ohE 'punos_[a-z_]+' deploy/prometheus/alerts.yaml | sort -u); do
    grep -rqF "\"$name\"" lib services || {
        echo "deploy/prometheus/alerts.yaml: nothing tells $name"
        exit 1
    }
done
if command -v promtool >/dev/null; then
    promtool check rules deploy/prometheus/alerts.yaml
    promtool test rules deploy/prometheus/alerts.test.yaml
fi
