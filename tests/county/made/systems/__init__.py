# SPDX-License-Identifier: Apache-2.0
"""How each records system tells what happened: its own messages, by its own way in."""
