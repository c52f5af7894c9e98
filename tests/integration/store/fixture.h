// SPDX-License-Identifier: Apache-2.0
/*
 * The store that both suites work on: PN_TEST_STORE=postgres with PN_TEST_CONNINFO makes it in
 * PostgreSQL (a database that the run may fill), anything else in SQLite in a folder of its own.
 */
#ifndef PN_TEST_STORE_FIXTURE_H
#define PN_TEST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

extern struct pn_config config;
extern char folder[64];
extern char store_name[64];
extern struct pn_store *store; // made with two migrations: tables thing and other
extern struct pn_err err;

#define must(expression)                                                                           \
    do {                                                                                           \
        if ((expression) != PN_OK) {                                                               \
            fail_msg("%s: %s %s: %s", #expression, pn_code_name(err.code), err.where, err.text);   \
        }                                                                                          \
    } while (0)

bool is_postgres(void);
int set_up(void **state);
int tear_down(void **state);
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

struct pn_store *open_store(bool read_only, unsigned migration_count);
struct pn_stmt *prepared(struct pn_store *in, const char *sql);
void run(struct pn_store *in, const char *sql, const struct pn_value *values, unsigned count);
int64_t number(struct pn_store *in, const char *sql); // the query's one number
void insert_thing(struct pn_store *in, int64_t id, const char *name);

#endif
