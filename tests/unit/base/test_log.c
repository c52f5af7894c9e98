// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

static int kept_stderr;
static FILE *caught;

static void catch_stderr(void)
{
    fflush(stderr);
    caught = tmpfile();
    assert_non_null(caught);
    kept_stderr = dup(STDERR_FILENO);
    dup2(fileno(caught), STDERR_FILENO);
}

static void has_logged(const char *expected)
{
    char text[8192];
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    rewind(caught);
    size_t len = fread(text, 1, sizeof text - 1, caught);
    fclose(caught);
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static int set_time(void **state)
{
    (void)state;
    pn_clock_set_for_test(INT64_C(1795297223123));
    return 0;
}

static int reset_time(void **state)
{
    (void)state;
    pn_clock_set_for_test(0);
    return 0;
}

static void writes_tags(void **state)
{
    (void)state;
    pn_log_setup("deliver", PN_LOG_INFO, false);
    catch_stderr();
    pn_log(PN_LOG_WARNING, "delivery put off", PN_TAG("system", "oberon"),
           PN_TAG_INT("attempt", 3));
    pn_log(PN_LOG_DEBUG, "not told");
    pn_log(PN_LOG_INFO, "plain");
    pn_log(PN_LOG_ERROR, "odd", PN_TAG("a", "b c"), PN_TAG("d", "e\"\\\n"), PN_TAG_INT("f", -1));
    has_logged(
        "2026-11-21T21:40:23.123Z warning deliver \"delivery put off\" system=oberon attempt=3\n"
        "2026-11-21T21:40:23.123Z info deliver \"plain\"\n"
        "2026-11-21T21:40:23.123Z error deliver \"odd\" a=\"b c\" d=\"e\\\"\\\\\\u000a\" f=-1\n");
}

static void writes_json(void **state)
{
    (void)state;
    pn_log_setup("ingest", PN_LOG_DEBUG, true);
    catch_stderr();
    struct pn_err err;
    pn_err_set(&err, PN_INVALID, "PID-3", "has a \"quote\"");
    pn_log_error("message refused", &err);
    has_logged("{\"time\":\"2026-11-21T21:40:23.123Z\",\"level\":\"error\",\"station\":\"ingest\","
               "\"text\":\"message refused\",\"code\":\"invalid\",\"where\":\"PID-3\","
               "\"reason\":\"has a \\\"quote\\\"\"}\n");
}

static void a_line_is_bounded(void **state)
{
    (void)state;
    static char text[10000];
    memset(text, 'x', sizeof text - 1);
    pn_log_setup("ingest", PN_LOG_INFO, false);
    catch_stderr();
    pn_log(PN_LOG_INFO, "long", PN_TAG("a", text));
    has_logged("2026-11-21T21:40:23.123Z info ingest \"long\" tags=\"left out, too long\"\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_tags),
        cmocka_unit_test(writes_json),
        cmocka_unit_test(a_line_is_bounded),
    };
    return cmocka_run_group_tests(tests, set_time, reset_time);
}
