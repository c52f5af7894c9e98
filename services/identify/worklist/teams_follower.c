// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <sys/stat.h>

#include "services/identify/worklist/teams.h"

enum { ARENA_BYTES_MAX = 8 * 1024 * 1024 };

// All zero: there is no such file, or none is named.
struct mark {
    int64_t changed_s, changed_ns, size, inode;
};

struct pn_teams_follower {
    const char *path;
    struct pn_arena *arena; // of `teams`
    struct pn_teams *teams;
    struct mark mark; // of the file that was read or refused last
};

static struct mark mark_of(const char *path)
{
    struct stat found;
    if (path == NULL || path[0] == '\0' || stat(path, &found) != 0) {
        return (struct mark){.size = 0};
    }
    return (struct mark){.changed_s = found.st_mtim.tv_sec,
                         .changed_ns = found.st_mtim.tv_nsec,
                         .size = found.st_size,
                         .inode = (int64_t)found.st_ino};
}

static bool is_same(const struct mark *a, const struct mark *b)
{
    return a->changed_s == b->changed_s && a->changed_ns == b->changed_ns && a->size == b->size &&
           a->inode == b->inode;
}

// Looked at before it is read: what is written meanwhile is found the next time.
static enum pn_code load(struct pn_teams_follower *follower, struct pn_err *err)
{
    struct pn_arena *arena = pn_arena_new(ARENA_BYTES_MAX);
    struct pn_teams *teams = arena == NULL ? NULL : pn_arena_alloc(arena, sizeof *teams);
    enum pn_code code = teams == NULL ? pn_err_set(err, PN_MEMORY, "teams", "no memory")
                                      : pn_teams_read(arena, follower->path, teams, err);
    if (code != PN_OK) {
        pn_arena_free(arena);
        return code;
    }
    pn_arena_free(follower->arena);
    follower->arena = arena;
    follower->teams = teams;
    return PN_OK;
}

enum pn_code pn_teams_follower_open(const char *path, struct pn_teams_follower **ret_follower,
                                    struct pn_err *err)
{
    struct pn_teams_follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        return pn_err_set(err, PN_MEMORY, "teams", "no memory");
    }
    follower->path = path;
    follower->mark = mark_of(path);
    enum pn_code code = load(follower, err);
    if (code != PN_OK) {
        pn_teams_follower_close(follower);
        return code;
    }
    *ret_follower = follower;
    return PN_OK;
}

void pn_teams_follower_close(struct pn_teams_follower *follower)
{
    if (follower != NULL) {
        pn_arena_free(follower->arena);
        free(follower);
    }
}

const struct pn_teams *pn_teams_followed(const struct pn_teams_follower *follower)
{
    return follower->teams;
}

enum pn_teams_news pn_teams_follow(struct pn_teams_follower *follower, struct pn_err *err)
{
    const struct mark mark = mark_of(follower->path);
    if (is_same(&mark, &follower->mark)) {
        return PN_TEAMS_SAME;
    }
    follower->mark = mark;
    return load(follower, err) == PN_OK ? PN_TEAMS_OTHERS : PN_TEAMS_REFUSED;
}
