// SPDX-License-Identifier: Apache-2.0
/*
 * The files of services/api/web, as the build has embedded them.
 */
#ifndef PN_SERVICES_API_WEB_FILES_H
#define PN_SERVICES_API_WEB_FILES_H

#include <stddef.h>

struct pn_web_file {
    const char *name;
    const unsigned char *bytes;
    size_t length;
};

extern const struct pn_web_file pn_web_files[];
extern const unsigned pn_web_file_count;

#endif
