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

#include "privacy/privacy.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/punos-privacy-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static void path_of(const char *name, char ret_path[static 128])
{
    (void)snprintf(ret_path, 128, "%s/secrets/%s", folder, name);
}

static int drop_folder(void **state)
{
    (void)state;
    char path[128];
    path_of("hub.key", path);
    (void)unlink(path);
    path_of("", path);
    (void)rmdir(path);
    return rmdir(folder);
}

static struct pn_privacy *opened(void)
{
    struct pn_privacy *privacy = NULL;
    struct pn_err err;
    assert_int_equal(pn_privacy_open(folder, &privacy, &err), PN_OK);
    return privacy;
}

static void makes_the_secret_once_and_only_for_its_owner(void **state)
{
    (void)state;
    char first[PN_CLIENT_KEY_TEXT_BYTES], again[PN_CLIENT_KEY_TEXT_BYTES], path[128];
    struct pn_privacy *privacy = opened();
    pn_client_key(privacy, pn_slice_str("urn:oid:1.2.246.21"), pn_slice_str("010181-900C"), first);
    pn_privacy_close(privacy);
    struct stat found;
    path_of("hub.key", path);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(found.st_size, 32);

    privacy = opened();
    pn_client_key(privacy, pn_slice_str("1.2.246.21"), pn_slice_str("010181-900C"), again);
    assert_string_equal(first, again);
    assert_int_equal(strlen(first), 32);
    pn_privacy_close(privacy);

    assert_int_equal(chmod(path, 0640), 0);
    struct pn_err err;
    privacy = NULL;
    assert_int_equal(pn_privacy_open(folder, &privacy, &err), PN_DENIED);
    assert_null(privacy);
    assert_int_equal(chmod(path, 0600), 0);
}

static void keeps_persons_apart(void **state)
{
    (void)state;
    struct pn_privacy *privacy = opened();
    char a[PN_CLIENT_KEY_TEXT_BYTES], b[PN_CLIENT_KEY_TEXT_BYTES];
    // The separator is part of identity.
    pn_client_key(privacy, pn_slice_str("1.2.246.21"), pn_slice_str("100190-999P"), a);
    pn_client_key(privacy, pn_slice_str("1.2.246.21"), pn_slice_str("100190Y999P"), b);
    assert_string_not_equal(a, b);
    // What stands on which side of system and value counts.
    pn_client_key(privacy, pn_slice_str("1.2.3"), pn_slice_str("45"), a);
    pn_client_key(privacy, pn_slice_str("1.2.34"), pn_slice_str("5"), b);
    assert_string_not_equal(a, b);
    pn_privacy_close(privacy);
}

static void opens_only_what_it_sealed(void **state)
{
    (void)state;
    struct pn_privacy *privacy = opened();
    struct pn_buf sealed, plain;
    struct pn_err err;
    pn_buf_init(&sealed, 4096);
    pn_buf_init(&plain, 4096);
    const struct pn_slice owner = pn_slice_str("owner"), text = pn_slice_str("a made-up name");
    assert_int_equal(pn_seal(privacy, "identity", owner, text, &sealed, &err), PN_OK);
    assert_int_equal(sealed.len, 1 + 12 + text.len + 16);
    assert_null(memmem(sealed.data, sealed.len, text.ptr, text.len));
    const struct pn_slice seal = pn_buf_slice(&sealed);
    assert_int_equal(pn_unseal(privacy, "identity", owner, seal, &plain, &err), PN_OK);
    assert_true(pn_slice_eq(pn_buf_slice(&plain), text));

    pn_buf_clear(&plain);
    assert_int_equal(pn_unseal(privacy, "plan", owner, seal, &plain, &err), PN_INVALID);
    assert_int_equal(pn_unseal(privacy, "identity", pn_slice_str("other"), seal, &plain, &err),
                     PN_INVALID);
    // A byte of purpose moved into the owner is another seal.
    assert_int_equal(pn_unseal(privacy, "identit", pn_slice_str("yowner"), seal, &plain, &err),
                     PN_INVALID);
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 1;
        assert_int_equal(pn_unseal(privacy, "identity", owner, seal, &plain, &err), PN_INVALID);
        sealed.data[i] ^= 1;
    }
    for (size_t len = 0; len < sealed.len; len++) {
        assert_int_equal(
            pn_unseal(privacy, "identity", owner, pn_slice_of(seal.ptr, len), &plain, &err),
            PN_INVALID);
    }
    assert_int_equal(plain.len, 0);
    pn_buf_release(&sealed);
    pn_buf_release(&plain);
    pn_privacy_close(privacy);
}

static void seals_differ_each_time_and_empty_is_a_text_too(void **state)
{
    (void)state;
    struct pn_privacy *privacy = opened();
    struct pn_buf one, two;
    struct pn_err err;
    pn_buf_init(&one, 4096);
    pn_buf_init(&two, 4096);
    const struct pn_slice owner = pn_slice_str("k");
    assert_int_equal(pn_seal(privacy, "plan", owner, pn_slice_str(""), &one, &err), PN_OK);
    assert_int_equal(pn_seal(privacy, "plan", owner, pn_slice_str(""), &two, &err), PN_OK);
    assert_memory_not_equal(one.data, two.data, one.len);
    struct pn_slice seal = pn_buf_slice(&one);
    pn_buf_clear(&two);
    assert_int_equal(pn_unseal(privacy, "plan", owner, seal, &two, &err), PN_OK);
    assert_int_equal(two.len, 0);
    pn_buf_release(&one);
    pn_buf_release(&two);
    pn_privacy_close(privacy);
}

static void macs_depend_on_their_purpose(void **state)
{
    (void)state;
    struct pn_privacy *privacy = opened();
    char a[PN_MAC_TEXT_BYTES], b[PN_MAC_TEXT_BYTES];
    pn_privacy_mac(privacy, "token", pn_slice_str("text"), a);
    pn_privacy_mac(privacy, "audit", pn_slice_str("text"), b);
    assert_string_not_equal(a, b);
    pn_privacy_mac(privacy, "token", pn_slice_str("text"), b);
    assert_string_equal(a, b);
    assert_int_equal(strlen(a), 64);
    pn_privacy_close(privacy);
    pn_privacy_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_secret_once_and_only_for_its_owner),
        cmocka_unit_test(keeps_persons_apart),
        cmocka_unit_test(opens_only_what_it_sealed),
        cmocka_unit_test(seals_differ_each_time_and_empty_is_a_text_too),
        cmocka_unit_test(macs_depend_on_their_purpose),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
