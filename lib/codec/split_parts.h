// SPDX-License-Identifier: Apache-2.0
/*
 * The two kinds of lists behind codec/split.h. Internal to lib/codec.
 */
#ifndef PN_CODEC_SPLIT_PARTS_H
#define PN_CODEC_SPLIT_PARTS_H

#include "codec/split.h"

struct pn_csv_split;
struct pn_xml_split;

enum pn_code pn_csv_split_open(const struct pn_split_options *options, struct pn_slice bytes,
                               struct pn_csv_split **ret_split, struct pn_err *err);
enum pn_code pn_csv_split_next(struct pn_csv_split *split, struct pn_split_record *ret_record,
                               bool *ret_has, struct pn_err *err);
void pn_csv_split_close(struct pn_csv_split *split); // takes NULL

enum pn_code pn_xml_split_open(const struct pn_split_options *options, struct pn_slice bytes,
                               struct pn_xml_split **ret_split, struct pn_err *err);
enum pn_code pn_xml_split_next(struct pn_xml_split *split, struct pn_split_record *ret_record,
                               bool *ret_has, struct pn_err *err);
void pn_xml_split_close(struct pn_xml_split *split); // takes NULL

#endif
