// SPDX-License-Identifier: Apache-2.0
/*
 * For the tests of lib/map: an adapter's folder made for one test and removed after it.
 */
#ifndef PN_TESTS_MAP_FOLDER_H
#define PN_TESTS_MAP_FOLDER_H

#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map/adapter.h"

struct folder {
    char path[64];
    struct pn_arena *boot;
    struct pn_arena *arena;
    struct pn_adapter *adapter;
    struct pn_err err;
};

static inline void folder_write(const struct folder *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *file = fopen(path, "we");
    assert(file != NULL);
    fputs(text, file);
    fclose(file);
}

static inline struct folder folder_new(const char *format, const char *out)
{
    static const char *const inside[] = {"in", "out", "codes"};
    struct folder folder = {.path = "/tmp/punos-test-map-XXXXXX",
                            .boot = pn_arena_new(64 * 1024 * 1024),
                            .arena = pn_arena_new(64 * 1024 * 1024)};
    assert(mkdtemp(folder.path) != NULL && folder.boot != NULL && folder.arena != NULL);
    for (size_t i = 0; i < PN_ARRAY_COUNT(inside); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder.path, inside[i]);
        assert(mkdir(path, 0700) == 0);
    }
    char text[512];
    snprintf(text, sizeof text,
             "name: test\nsector: social\nin:\n  - { transport: http, format: %s }\nout: %s\n",
             format, out);
    folder_write(&folder, "adapter.yaml", text);
    return folder;
}

static inline int folder_remove_one(const char *path, const struct stat *about, int kind,
                                    struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void folder_free(struct folder *folder)
{
    nftw(folder->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    pn_arena_free(folder->boot);
    pn_arena_free(folder->arena);
}

static inline enum pn_code folder_load(struct folder *folder)
{
    return pn_adapter_load(folder->boot, folder->path, &folder->adapter, &folder->err);
}

static inline enum pn_code folder_decode(struct folder *folder, const char *message,
                                         struct pn_mapped *mapped)
{
    struct pn_message_in in = {.bytes = pn_slice_str(message),
                               .transport = PN_TRANSPORT_HTTP,
                               .received_ms = 1795262400000,
                               .content_type = "",
                               .file_name = ""};
    *mapped = (struct pn_mapped){0};
    return pn_adapter_decode(folder->adapter, folder->arena, &in, mapped, &folder->err);
}

#endif
