// SPDX-License-Identifier: Apache-2.0
/*
 * Files of a drop folder: hostile names and kinds, files that change, names that are taken, two
 * processes, a folder that goes and comes.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/ingest/drop_files.h"

enum { BYTES_MAX = 4096, PATH_BYTES = 512 };

struct fixture {
    char base[64];
    char path[96];
    struct pn_drop_folder folder;
    struct pn_buf bytes;
    struct stat status;
    struct pn_err err;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->base, "/tmp/punos-drops-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->path, sizeof f->path, "%s/in", f->base);
    pn_buf_init(&f->bytes, BYTES_MAX);
    assert_int_equal(pn_drop_folder_open(f->path, &f->folder, &f->err), PN_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    pn_drop_folder_close(&f->folder);
    pn_buf_release(&f->bytes);
    snprintf(command, sizeof command, "rm -rf %s", f->base);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static const char *in(const struct fixture *f, const char *name)
{
    static char paths[4][PATH_BYTES];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, PATH_BYTES, "%s/%s", f->path, name);
    return path;
}

static void write_text(const char *path, const char *mode, const char *text)
{
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool is_there(const struct fixture *f, const char *name)
{
    struct stat status;
    return lstat(in(f, name), &status) == 0;
}

static unsigned count_in(const struct fixture *f, const char *folder)
{
    unsigned count = 0;
    DIR *dir = opendir(in(f, folder));
    assert_non_null(dir);
    const struct dirent *entry = NULL;
    while ((entry = readdir(dir)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

static enum pn_code read_file(struct fixture *f, const char *name)
{
    return pn_drop_read(&f->folder, name, &f->bytes, &f->status, &f->err);
}

static enum pn_code put_away(struct fixture *f, const char *name, bool is_accepted)
{
    return pn_drop_put_away(&f->folder, name, &f->status, is_accepted, pn_slice_str("{}\n"),
                            &f->err);
}

static void takes_an_ordinary_file(void **state)
{
    struct fixture *f = *state;
    write_text(in(f, "a.xml"), "w", "hello");
    assert_int_equal(read_file(f, "a.xml"), PN_OK);
    assert_true(pn_slice_is(pn_buf_slice(&f->bytes), "hello"));
    assert_int_equal(put_away(f, "a.xml", true), PN_OK);
    assert_true(is_there(f, "done/a.xml"));
    assert_true(is_there(f, "done/a.xml.receipt.json"));
    assert_int_equal(count_in(f, "done"), 2);
    assert_int_equal(count_in(f, "rejected"), 0);
}

static void names_are_only_names(void **state)
{
    struct fixture *f = *state;
    char longest[256];
    memset(longest, 'n', 255);
    longest[255] = '\0';
    const char *const names[] = {"-rf",     "a b\tc\n\x01", "\xE4\xF6.xml", "%s%n",
                                 "$(x);&|", "..xml",        longest};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(names); i++) {
        if (pn_drop_name_is_skipped(names[i])) {
            continue; // a hidden name is a sender's own business
        }
        write_text(in(f, names[i]), "w", "x");
        assert_int_equal(read_file(f, names[i]), PN_OK);
        assert_int_equal(put_away(f, names[i], i % 2 == 0), PN_OK);
        assert_false(is_there(f, names[i]));
    }
    assert_int_equal(count_in(f, "done") + count_in(f, "rejected"), 2 * 6);
}

static void refuses_what_is_no_file_of_its_own(void **state)
{
    struct fixture *f = *state;
    char outside[96];
    snprintf(outside, sizeof outside, "%s/outside", f->base);
    write_text(outside, "w", "secret");
    assert_int_equal(symlink(outside, in(f, "soft")), 0);
    assert_int_equal(symlink("nowhere", in(f, "dangling")), 0);
    assert_int_equal(link(outside, in(f, "hard")), 0);
    assert_int_equal(mkfifo(in(f, "pipe"), 0600), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", f->path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    static const char *const names[] = {"soft", "dangling", "hard", "pipe", "socket"};
    for (unsigned i = 0; i < PN_ARRAY_COUNT(names); i++) {
        assert_int_equal(read_file(f, names[i]), PN_INVALID);
        assert_int_equal(lstat(in(f, names[i]), &f->status), 0);
        assert_int_equal(put_away(f, names[i], false), PN_OK);
    }
    assert_int_equal(count_in(f, "rejected"), 2 * PN_ARRAY_COUNT(names));
    struct stat status;
    assert_int_equal(stat(outside, &status), 0);
}

static void a_file_that_was_written_on_stays(void **state)
{
    struct fixture *f = *state;
    write_text(in(f, "a.xml"), "w", "half");
    assert_int_equal(read_file(f, "a.xml"), PN_OK);
    write_text(in(f, "a.xml"), "a", " and half");
    assert_int_equal(put_away(f, "a.xml", true), PN_CONFLICT);
    assert_true(is_there(f, "a.xml"));
    assert_int_equal(count_in(f, "done"), 0);
    assert_int_equal(read_file(f, "a.xml"), PN_OK);
    assert_true(pn_slice_is(pn_buf_slice(&f->bytes), "half and half"));
    assert_int_equal(put_away(f, "a.xml", true), PN_OK);
}

static void another_file_in_its_place_stays(void **state)
{
    struct fixture *f = *state;
    write_text(in(f, "a.xml"), "w", "one");
    assert_int_equal(read_file(f, "a.xml"), PN_OK);
    write_text(in(f, "b.xml"), "w", "two");
    assert_int_equal(rename(in(f, "b.xml"), in(f, "a.xml")), 0);
    assert_int_equal(put_away(f, "a.xml", true), PN_CONFLICT);
    assert_true(is_there(f, "a.xml"));
    assert_int_equal(unlink(in(f, "a.xml")), 0);
    assert_int_equal(put_away(f, "a.xml", true), PN_CONFLICT);
    assert_int_equal(count_in(f, "done"), 0);
}

static void refuses_a_huge_file_unread(void **state)
{
    struct fixture *f = *state;
    write_text(in(f, "huge"), "w", "x");
    assert_int_equal(truncate(in(f, "huge"), 1LL << 40), 0);
    assert_int_equal(read_file(f, "huge"), PN_LIMIT);
    write_text(in(f, "fits"), "w", "x");
    assert_int_equal(truncate(in(f, "fits"), BYTES_MAX), 0);
    assert_int_equal(read_file(f, "fits"), PN_OK);
}

static void nothing_is_written_over(void **state)
{
    struct fixture *f = *state;
    write_text(in(f, "done/a.xml"), "w", "old");
    write_text(in(f, "done/a.xml.1.receipt.json"), "w", "old");
    for (int i = 0; i < 3; i++) {
        write_text(in(f, "a.xml"), "w", "new");
        assert_int_equal(read_file(f, "a.xml"), PN_OK);
        assert_int_equal(put_away(f, "a.xml", true), PN_OK);
    }
    struct stat status;
    assert_int_equal(stat(in(f, "done/a.xml.1.receipt.json"), &status), 0);
    assert_int_equal(status.st_size, 3);
    assert_int_equal(count_in(f, "done"), 2 + 2 * 3);
    assert_true(is_there(f, "done/a.xml.4"));
}

static void one_process_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct pn_drop_folder second;
    assert_int_equal(pn_drop_folder_open(f->path, &second, &f->err), PN_CONFLICT);
    pn_drop_folder_close(&f->folder);
    assert_int_equal(pn_drop_folder_open(f->path, &second, &f->err), PN_OK);
    assert_int_equal(pn_drop_folder_open(f->path, &f->folder, &f->err), PN_CONFLICT);
    pn_drop_folder_close(&second);
    assert_int_equal(pn_drop_folder_open(f->path, &f->folder, &f->err), PN_OK);
}

static void a_folder_goes_and_comes(void **state)
{
    struct fixture *f = *state;
    char aside[128];
    snprintf(aside, sizeof aside, "%s/aside", f->base);
    assert_true(pn_drop_folder_is_at(&f->folder, f->path));
    assert_int_equal(rename(f->path, aside), 0);
    assert_false(pn_drop_folder_is_at(&f->folder, f->path));
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_false(pn_drop_folder_is_at(&f->folder, f->path));
    pn_drop_folder_close(&f->folder);
    assert_false(pn_drop_folder_is_at(&f->folder, f->path));
    assert_int_equal(pn_drop_folder_open(f->path, &f->folder, &f->err), PN_OK);
    assert_true(pn_drop_folder_is_at(&f->folder, f->path));
}

static void a_link_in_the_place_of_done_is_not_followed(void **state)
{
    struct fixture *f = *state;
    pn_drop_folder_close(&f->folder);
    assert_int_equal(rename(in(f, "done"), in(f, "aside")), 0);
    assert_int_equal(symlink(f->base, in(f, "done")), 0);
    assert_int_equal(pn_drop_folder_open(f->path, &f->folder, &f->err), PN_IO);
    assert_int_equal(unlink(in(f, "done")), 0);
    assert_int_equal(pn_drop_folder_open(f->path, &f->folder, &f->err), PN_OK);
}

#define WITH_ALL(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_ALL(takes_an_ordinary_file),
        WITH_ALL(names_are_only_names),
        WITH_ALL(refuses_what_is_no_file_of_its_own),
        WITH_ALL(a_file_that_was_written_on_stays),
        WITH_ALL(another_file_in_its_place_stays),
        WITH_ALL(refuses_a_huge_file_unread),
        WITH_ALL(nothing_is_written_over),
        WITH_ALL(one_process_at_a_time),
        WITH_ALL(a_folder_goes_and_comes),
        WITH_ALL(a_link_in_the_place_of_done_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
