// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "services/deliver/transport.h"

enum { PATH_BYTES = 256 };

struct fixture {
    char folder[64];
    struct pn_system_conf conf;
    struct pn_delivery_transport *transport;
    enum pn_transport_outcome outcome;
    unsigned results;
    char receipt_id[PATH_BYTES];
    char receipt[PATH_BYTES];
    unsigned receipts;
    enum pn_receipt_fate fate; // what the receipt callback answers
};

static bool on_result(const struct pn_transport_result *result, void *context)
{
    struct fixture *f = context;
    f->outcome = result->outcome;
    f->results++;
    return false;
}

static enum pn_receipt_fate on_receipt(struct pn_slice receipt_id, struct pn_slice bytes,
                                       void *context)
{
    struct fixture *f = context;
    (void)snprintf(f->receipt_id, sizeof f->receipt_id, "%.*s", PN_SLICE_FMT(receipt_id));
    (void)snprintf(f->receipt, sizeof f->receipt, "%.*s", PN_SLICE_FMT(bytes));
    f->receipts++;
    return f->fate;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct pn_err err;
    assert_non_null(f);
    strcpy(f->folder, "/tmp/punos-drop-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->conf.name = "yph-effica";
    f->conf.deliver = f->folder;
    f->fate = PN_RECEIPT_RECORDED;
    struct pn_transport_callbacks callbacks = {
        .context = f, .result = on_result, .receipt = on_receipt};
    assert_int_equal(pn_transport_drop.open(NULL, &f->conf, &callbacks, &f->transport, &err),
                     PN_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pn_transport_drop.close(f->transport);
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

static enum pn_code send_as(struct fixture *f, const char *name, const char *content)
{
    struct pn_err err;
    struct pn_document_out document = {.bytes = pn_slice_str(content),
                                       .path = pn_slice_str(name),
                                       .receipt_id = pn_slice_str(name)};
    return pn_transport_drop.send(f->transport, &document, &err);
}

static const char *path_of(const struct fixture *f, const char *name)
{
    static char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
    return path;
}

static void write_as(const struct fixture *f, const char *name, const char *content)
{
    FILE *file = fopen(path_of(f, name), "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_holds(const struct fixture *f, const char *name, const char *content)
{
    char found[PATH_BYTES] = "";
    FILE *file = fopen(path_of(f, name), "r");
    assert_non_null(file);
    size_t length = fread(found, 1, sizeof found - 1, file);
    found[length] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_string_equal(found, content);
}

static unsigned count_files(const struct fixture *f)
{
    unsigned count = 0;
    DIR *folder = opendir(f->folder);
    assert_non_null(folder);
    struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL) {
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    }
    closedir(folder);
    return count;
}

static void leaves_a_whole_file_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_as(f, "plan-1.xml", "<plan/>"), PN_OK);
    assert_int_equal(f->results, 1);
    assert_int_equal(f->outcome, PN_TRANSPORT_LEFT);
    assert_holds(f, "plan-1.xml", "<plan/>");
    assert_int_equal(count_files(f), 1);
}

static void does_not_write_again_what_lies_there(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(send_as(f, "plan-1.xml", "first"), PN_OK);
    assert_int_equal(send_as(f, "plan-1.xml", "second"), PN_OK);
    assert_holds(f, "plan-1.xml", "first");
    // Taken, its receipt there: the system has it.
    assert_int_equal(unlink(path_of(f, "plan-1.xml")), 0);
    write_as(f, "plan-1.xml.receipt.json", "{}");
    assert_int_equal(send_as(f, "plan-1.xml", "third"), PN_OK);
    assert_int_equal(access(path_of(f, "plan-1.xml"), F_OK), -1);
    assert_int_equal(f->outcome, PN_TRANSPORT_LEFT);
}

// What lies under the hidden name (half of an earlier try, a trap) is neither followed nor waited
// for.
static void is_not_caught_by_what_lies_in_its_way(void **state)
{
    struct fixture *f = *state;
    write_as(f, "victim", "mine");
    char link_name[PATH_BYTES];
    snprintf(link_name, sizeof link_name, "%s/.a.xml.part", f->folder);
    assert_int_equal(symlink("victim", link_name), 0);
    assert_int_equal(send_as(f, "a.xml", "a"), PN_OK);
    assert_holds(f, "a.xml", "a");
    assert_holds(f, "victim", "mine");
    assert_int_equal(mkfifo(path_of(f, ".b.xml.part"), 0600), 0);
    assert_int_equal(send_as(f, "b.xml", "b"), PN_OK);
    assert_holds(f, "b.xml", "b");
    assert_int_equal(symlink("victim", path_of(f, "c.xml")), 0);
    assert_int_equal(send_as(f, "c.xml", "c"), PN_OK);
    assert_holds(f, "victim", "mine");
    assert_int_equal(count_files(f), 4);
}

static void a_receipt_is_a_file_of_its_own(void **state)
{
    struct fixture *f = *state;
    char name[PATH_BYTES];
    write_as(f, "elsewhere", "{}");
    snprintf(name, sizeof name, "%s/a.receipt.json", f->folder);
    assert_int_equal(symlink("elsewhere", name), 0);
    snprintf(name, sizeof name, "%s/b.receipt.json", f->folder);
    assert_int_equal(link(path_of(f, "elsewhere"), name), 0);
    assert_int_equal(mkfifo(path_of(f, "c.receipt.json"), 0600), 0);
    assert_int_equal(mkdir(path_of(f, "d.receipt.json"), 0700), 0);
    pn_transport_drop.scan(f->transport);
    assert_int_equal(f->receipts, 0);
}

static void refuses_names_that_lead_elsewhere(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"",        "../plan.xml", "a/b.xml", ".hidden",
                                        "a b.xml", "a\\b",        "å.xml",   "a\nb.xml"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(names); i++) {
        assert_int_equal(send_as(f, names[i], "x"), PN_INVALID);
    }
    assert_int_equal(f->results, 0);
    assert_int_equal(count_files(f), 0);
}

static void a_receipt_goes_when_it_is_recorded(void **state)
{
    struct fixture *f = *state;
    write_as(f, "plan-1.xml.receipt.json", "{\"status\":\"accepted\"}");
    f->fate = PN_RECEIPT_WAITS;
    pn_transport_drop.scan(f->transport);
    assert_int_equal(f->receipts, 1);
    assert_string_equal(f->receipt_id, "plan-1.xml");
    assert_string_equal(f->receipt, "{\"status\":\"accepted\"}");
    assert_int_equal(count_files(f), 1);
    f->fate = PN_RECEIPT_RECORDED;
    pn_transport_drop.scan(f->transport);
    assert_int_equal(f->receipts, 2);
    assert_int_equal(count_files(f), 0);
}

static void sees_only_finished_receipts(void **state)
{
    struct fixture *f = *state;
    write_as(f, "empty.xml.receipt.json", "");
    write_as(f, ".plan-1.xml.receipt.part", "{}");
    write_as(f, ".receipt.json", "{}");
    write_as(f, "secret", "{}");
    assert_int_equal(symlink("secret", path_of(f, "link.xml.receipt.json")), 0);
    assert_int_equal(mkdir(path_of(f, "folder.xml.receipt.json"), 0700), 0);
    pn_transport_drop.scan(f->transport);
    assert_int_equal(f->receipts, 0);
}

// What fits nothing is kept aside, each under a name of its own.
static void odd_receipts_are_kept(void **state)
{
    struct fixture *f = *state;
    f->fate = PN_RECEIPT_ODD;
    for (int i = 0; i < 2; i++) {
        write_as(f, "a.xml.receipt.json", i == 0 ? "first" : "second");
        pn_transport_drop.scan(f->transport);
    }
    assert_holds(f, "receipts/odd/a.xml.receipt.json", "first");
    assert_holds(f, "receipts/odd/a.xml.receipt.json.1", "second");
    assert_int_equal(count_files(f), 1);
}

static void half_a_receipt_is_given_time(void **state)
{
    struct fixture *f = *state;
    f->fate = PN_RECEIPT_UNREADABLE;
    write_as(f, "a.xml.receipt.json", "{\"outcome\":");
    write_as(f, "b.xml.receipt.json", "");
    pn_transport_drop.scan(f->transport);
    assert_int_equal(count_files(f), 2);
    const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    assert_int_equal(utimensat(AT_FDCWD, path_of(f, "a.xml.receipt.json"), old, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, path_of(f, "b.xml.receipt.json"), old, 0), 0);
    pn_transport_drop.scan(f->transport);
    assert_holds(f, "receipts/odd/a.xml.receipt.json", "{\"outcome\":");
    assert_holds(f, "receipts/odd/b.xml.receipt.json", "");
    assert_int_equal(count_files(f), 1);
}

static void waits_for_a_folder_that_is_away(void **state)
{
    struct fixture *f = *state;
    char aside[PATH_BYTES];
    (void)snprintf(aside, sizeof aside, "%s-aside", f->folder);
    assert_int_equal(send_as(f, "plan-0.xml", "x"), PN_OK); // the folder is open now
    assert_int_equal(rename(f->folder, aside), 0);
    assert_int_equal(send_as(f, "plan-1.xml", "x"), PN_OK);
    assert_int_equal(f->outcome, PN_TRANSPORT_AWAY);
    pn_transport_drop.scan(f->transport);
    assert_int_equal(rename(aside, f->folder), 0);
    assert_int_equal(send_as(f, "plan-1.xml", "x"), PN_OK);
    assert_int_equal(f->outcome, PN_TRANSPORT_LEFT);
    assert_holds(f, "plan-1.xml", "x");
}

// A system that gives its receipts another name is heard by that name only.
static void a_receipt_of_another_name(void **state)
{
    struct fixture *f = *state;
    struct pn_delivery_transport *transport = NULL;
    struct pn_err err;
    const struct pn_transport_callbacks callbacks = {.context = f,
                                                     .receipt_ending = ".kuittaus.csv",
                                                     .result = on_result,
                                                     .receipt = on_receipt};
    assert_int_equal(pn_transport_drop.open(NULL, &f->conf, &callbacks, &transport, &err), PN_OK);
    const char *const names[] = {"a.xml.receipt.json", "a.xml.kuittaus.csv"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(names); i++) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof path, "%s/%s", f->folder, names[i]);
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        fputs("tila\nOK\n", file);
        fclose(file);
    }
    pn_transport_drop.scan(transport);
    assert_int_equal(f->receipts, 1);
    assert_string_equal(f->receipt_id, "a.xml");
    pn_transport_drop.close(transport);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(leaves_a_whole_file_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(does_not_write_again_what_lies_there, setup, teardown),
        cmocka_unit_test_setup_teardown(is_not_caught_by_what_lies_in_its_way, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receipt_is_a_file_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(refuses_names_that_lead_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receipt_goes_when_it_is_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(sees_only_finished_receipts, setup, teardown),
        cmocka_unit_test_setup_teardown(odd_receipts_are_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(half_a_receipt_is_given_time, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_for_a_folder_that_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receipt_of_another_name, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
