// SPDX-License-Identifier: Apache-2.0
/*
 * Reading the rows of a binary answer.
 */
#include "store/store_postgres.h"

// Type numbers of the server's catalogue (pg_type.dat), fixed for all versions.
enum { TYPE_BOOL = 16, TYPE_INT8 = 20, TYPE_INT2 = 21, TYPE_INT4 = 23, TYPE_NUMERIC = 1700 };

enum pn_code pn_pg_rows_next(struct pn_rows *rows, bool *ret_has_row, struct pn_err *err)
{
    (void)err;
    struct pn_pg_rows *mine_rows = (struct pn_pg_rows *)rows;
    mine_rows->row++;
    *ret_has_row = mine_rows->row < PQntuples(mine_rows->result);
    return PN_OK;
}

static const uint8_t *bytes_of(const struct pn_rows *rows, unsigned column, int *ret_length)
{
    const struct pn_pg_rows *mine_rows = (const struct pn_pg_rows *)rows;
    *ret_length = PQgetlength(mine_rows->result, mine_rows->row, (int)column);
    return (const uint8_t *)PQgetvalue(mine_rows->result, mine_rows->row, (int)column);
}

bool pn_pg_rows_is_null(const struct pn_rows *rows, unsigned column)
{
    const struct pn_pg_rows *mine_rows = (const struct pn_pg_rows *)rows;
    return PQgetisnull(mine_rows->result, mine_rows->row, (int)column) != 0;
}

// A two's complement number, most significant byte first.
static int64_t big_endian(const uint8_t *bytes, int length)
{
    uint64_t value = length > 0 && (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (int i = 0; i < length; i++) {
        value = value << 8 | bytes[i];
    }
    return (int64_t)value;
}

// NUMERIC, which sums of BIGINT are: digit count, weight, sign, scale, then digits of base 10000.
static int64_t numeric(const uint8_t *bytes, int length)
{
    int64_t digits = big_endian(bytes, 2);
    int64_t weight = big_endian(bytes + 2, 2);
    bool negative = bytes[4] == 0x40;
    uint64_t value = 0;
    for (int64_t i = 0; i <= weight; i++) {
        bool has_digit = i < digits && 8 + 2 * i + 2 <= length;
        value = value * 10000 + (has_digit ? (uint64_t)big_endian(bytes + 8 + 2 * i, 2) : 0);
    }
    return negative ? (int64_t)(0 - value) : (int64_t)value;
}

int64_t pn_pg_rows_int(const struct pn_rows *rows, unsigned column)
{
    int length = 0;
    const uint8_t *bytes = bytes_of(rows, column, &length);
    Oid type = PQftype(((const struct pn_pg_rows *)rows)->result, (int)column);
    switch ((int)type) {
    case TYPE_INT8:
    case TYPE_INT4:
    case TYPE_INT2:
        return big_endian(bytes, length);
    case TYPE_BOOL:
        return length == 1 && bytes[0] != 0;
    case TYPE_NUMERIC:
        return length >= 8 ? numeric(bytes, length) : 0;
    default:
        return 0;
    }
}

struct pn_slice pn_pg_rows_bytes(const struct pn_rows *rows, unsigned column)
{
    int length = 0;
    const uint8_t *bytes = bytes_of(rows, column, &length);
    return pn_slice_of((const char *)bytes, (size_t)length);
}

void pn_pg_rows_close(struct pn_rows *rows)
{
    struct pn_pg_rows *mine_rows = (struct pn_pg_rows *)rows;
    PQclear(mine_rows->result);
    mine_rows->result = NULL;
}
