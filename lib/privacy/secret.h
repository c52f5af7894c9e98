// SPDX-License-Identifier: Apache-2.0
/*
 * Secret files of the installation: DATA/secrets/ (0700), each file 0600.
 */
#ifndef PN_PRIVACY_SECRET_H
#define PN_PRIVACY_SECRET_H

#include <stddef.h>

#include "base/err.h"

// DATA/secrets, made when missing.
PN_MUST_USE enum pn_code pn_secret_folder(const char *data_dir, char *ret_path, size_t path_bytes,
                                          struct pn_err *err);
// Durable and whole, or PN_CONFLICT when the file is there already (another process was first).
PN_MUST_USE enum pn_code pn_secret_write_new(const char *folder, const char *name,
                                             const void *bytes, size_t len, struct pn_err *err);
// Replaces the file in one step.
PN_MUST_USE enum pn_code pn_secret_replace(const char *folder, const char *name, const void *bytes,
                                           size_t len, struct pn_err *err);
// PN_NOT_FOUND when there is none, PN_DENIED when its mode lets others in, PN_LIMIT when too long.
PN_MUST_USE enum pn_code pn_secret_read(const char *folder, const char *name, void *ret_bytes,
                                        size_t bytes_max, size_t *ret_len, struct pn_err *err);

#endif
