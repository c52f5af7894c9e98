// SPDX-License-Identifier: Apache-2.0
#include "services/deliver/transport.h"

#include <assert.h>

const struct pn_transport_ops *pn_transport_ops_of(enum pn_transport transport)
{
    static const struct pn_transport_ops *const table[] = {
        [PN_TRANSPORT_NONE] = NULL,
        [PN_TRANSPORT_MLLP] = &pn_transport_mllp,
        [PN_TRANSPORT_HTTP] = &pn_transport_http,
        [PN_TRANSPORT_DROP] = &pn_transport_drop,
    };
    assert((unsigned)transport < PN_ARRAY_COUNT(table));
    return table[transport];
}
