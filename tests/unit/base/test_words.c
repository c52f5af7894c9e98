// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/words.h"

static void a_word_is_found_at_its_place(void **state)
{
    (void)state;
    static const char *const words[] = {"red", NULL, "green", "blue"};
    assert_int_equal(pn_words_find(words, 4, pn_slice_str("red")), 0);
    assert_int_equal(pn_words_find(words, 4, pn_slice_str("blue")), 3);
    assert_int_equal(pn_words_find(words, 3, pn_slice_str("blue")), 3);
    static const char *const strangers[] = {"", "Red", "re", "redd", "white"};
    for (size_t i = 0; i < PN_ARRAY_COUNT(strangers); i++) {
        assert_int_equal(pn_words_find(words, 4, pn_slice_str(strangers[i])), 4);
    }
    assert_int_equal(pn_words_find(NULL, 0, pn_slice_str("red")), 0);
}

static void an_empty_word_is_a_word(void **state)
{
    (void)state;
    static const char *const words[] = {"red", ""};
    assert_int_equal(pn_words_find(words, 2, pn_slice_of(NULL, 0)), 1);
}

static void a_list_ends_in_null(void **state)
{
    (void)state;
    static const char *const words[] = {"red", "green", NULL, "blue"};
    assert_true(pn_words_hold(words, pn_slice_str("green")));
    assert_false(pn_words_hold(words, pn_slice_str("blue")));
    assert_false(pn_words_hold(words, pn_slice_str("")));
    assert_false(pn_words_hold(NULL, pn_slice_str("green")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_is_found_at_its_place),
        cmocka_unit_test(an_empty_word_is_a_word),
        cmocka_unit_test(a_list_ends_in_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
