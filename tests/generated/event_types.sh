#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lib/event/event_types.c is what schemas/event-types.yaml says.
exec python3 lib/event/generate/event_types.py --check
