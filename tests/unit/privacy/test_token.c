// SPDX-License-Identifier: Apache-2.0
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

#include "privacy/access.h"
#include "privacy/token.h"

static char folder[64];
static struct pn_privacy *privacy;

static int set_up(void **state)
{
    (void)state;
    struct pn_err err;
    (void)snprintf(folder, sizeof folder, "/tmp/punos-token-XXXXXX");
    return mkdtemp(folder) == NULL || pn_privacy_open(folder, &privacy, &err) != PN_OK ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"secrets/hub.key", "secrets/tokens.yaml",
                                        "secrets/api-token", "secrets", ""};
    for (size_t i = 0; i < PN_ARRAY_COUNT(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)remove(path);
    }
    pn_privacy_close(privacy);
    return 0;
}

static size_t read_secret(const char *name, char *ret_text, size_t bytes)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/secrets/%s", folder, name);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(ret_text, 1, bytes - 1, file);
    (void)fclose(file);
    ret_text[len] = '\0';
    return len;
}

static void makes_the_first_token_once(void **state)
{
    (void)state;
    struct pn_tokens *tokens = NULL;
    struct pn_err err;
    bool is_made = false;
    assert_int_equal(pn_tokens_open(folder, privacy, &tokens, &is_made, &err), PN_OK);
    assert_true(is_made);
    char text[256], file[4096];
    size_t len = read_secret("api-token", text, sizeof text);
    assert_int_equal(len, PN_TOKEN_TEXT_BYTES); // and a line end
    text[len - 1] = '\0';
    (void)read_secret("tokens.yaml", file, sizeof file);
    assert_null(strstr(file, text));
    struct pn_caller caller;
    assert_int_equal(pn_tokens_check(tokens, pn_slice_str(text), &caller, &err), PN_OK);
    assert_true((caller.roles & PN_ROLE_ADMIN) != 0 && (caller.roles & PN_ROLE_DPO) == 0);
    pn_tokens_close(tokens);

    tokens = NULL;
    assert_int_equal(pn_tokens_open(folder, privacy, &tokens, &is_made, &err), PN_OK);
    assert_false(is_made);
    assert_int_equal(pn_tokens_check(tokens, pn_slice_str(text), &caller, &err), PN_OK);
    text[5] ^= 1;
    assert_int_equal(pn_tokens_check(tokens, pn_slice_str(text), &caller, &err), PN_DENIED);
    assert_int_equal(pn_tokens_check(tokens, pn_slice_str(""), &caller, &err), PN_DENIED);
    pn_tokens_close(tokens);
}

static void adds_and_takes_away(void **state)
{
    (void)state;
    struct pn_tokens *one = NULL, *other = NULL;
    struct pn_err err;
    struct pn_caller caller;
    char text[PN_TOKEN_TEXT_BYTES] = "";
    assert_int_equal(pn_tokens_open(folder, privacy, &one, NULL, &err), PN_OK);
    assert_int_equal(pn_tokens_open(folder, privacy, &other, NULL, &err), PN_OK);
    assert_int_equal(
        pn_tokens_add(one, &(struct pn_caller){.name = "ward-7",
                                            .roles = PN_ROLE_PROFESSIONAL,
                                            .teams = "one,two-2"},
                      text, &err),
        PN_OK);
    assert_int_equal(
        pn_tokens_add(one, &(struct pn_caller){.name = "ward-7", .roles = PN_ROLE_DPO}, text, &err),
        PN_CONFLICT);
    assert_int_equal(
        pn_tokens_add(one, &(struct pn_caller){.name = "no \"quotes\"", .roles = PN_ROLE_DPO}, text,
                      &err),
        PN_INVALID);
    assert_int_equal(
        pn_tokens_add(one, &(struct pn_caller){.name = "nobody", .roles = 0}, text, &err),
        PN_INVALID);

    assert_int_equal(pn_tokens_check(other, pn_slice_str(text), &caller, &err), PN_DENIED);
    assert_int_equal(pn_tokens_refresh(other, &err), PN_OK);
    assert_int_equal(pn_tokens_check(other, pn_slice_str(text), &caller, &err), PN_OK);
    assert_string_equal(caller.name, "ward-7");
    assert_int_equal(caller.roles, PN_ROLE_PROFESSIONAL);
    assert_string_equal(caller.teams, "one,two-2");
    struct pn_caller bad = {.name = "bad", .roles = PN_ROLE_DPO, .teams = "one,"};
    assert_int_equal(pn_tokens_add(one, &bad, text, &err), PN_INVALID);
    memcpy(bad.teams, "one two", 8);
    assert_int_equal(pn_tokens_add(one, &bad, text, &err), PN_INVALID);

    assert_int_equal(pn_tokens_remove(other, "ward-7", &err), PN_OK);
    assert_int_equal(pn_tokens_remove(other, "ward-7", &err), PN_NOT_FOUND);
    assert_int_equal(pn_tokens_refresh(one, &err), PN_OK);
    assert_int_equal(pn_tokens_check(one, pn_slice_str(text), &caller, &err), PN_DENIED);
    pn_tokens_close(one);
    pn_tokens_close(other);
    pn_tokens_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_first_token_once),
        cmocka_unit_test(adds_and_takes_away),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
