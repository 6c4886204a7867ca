/*
 * Encoding: what the columns of a CSV file mean to a model, so that another file can be read as the
 * one that it was trained on: which are its inputs, by name and place, how numbers are scaled, what
 * the categories and the labels are.
 *
 * Its text is JSON, and travels in the metadata of a saved model:
 *
 *     {"width":4,"columns":[{"name":"age","column":1,"mean":38.5,"scale":0.07},
 *     {"name":"colour","column":2,"values":["blue","red"]}],
 *     "label":{"name":"class","column":4,"values":["no","yes"]}}
 *
 * A column with values is categorical, with one input each; else its input is (v - mean) * scale.
 * A label without values is a number to predict. Columns are numbered from 1; they have names when
 * the file had a header, all or none. A text that is not printable UTF-8 is {"hex":"ff41"}. Equal
 * encodings have equal texts.
 */
#ifndef CH_DATA_ENCODING_H
#define CH_DATA_ENCODING_H

#include "base/arena.h"
#include "data/cells.h"

enum {
    CH_CATEGORIES_MAX = 1024,       // different values of one column
    CH_ENCODING_TEXT_MAX = 4 << 20, // bytes of a text, with its zero
};

/* What an input, or a target, may be: so that squares and sums are finite. */
#define CH_ENCODED_NUMBER_MAX 1e30

/* One column that a model reads. */
typedef struct ch_encoding_column {
    ch_cell name;          // empty when columns have no names
    uint32_t place;        // from 0, in the file that was fitted to
    bool has_values;       // categorical; of a label: classes
    double mean, scale;    // numeric: input = (v - mean) * scale
    const ch_cell *values; // (count) distinct, ascending; of classes as ch_encoding_classes says
    uint32_t count;
    uint32_t first; // its first input
} ch_encoding_column;

typedef struct ch_encoding {
    uint32_t width; // columns of the file that was fitted to
    bool has_names;
    const ch_encoding_column *columns; // (count) the inputs, by ascending place
    uint32_t count;
    uint32_t features; // inputs of all columns together
    ch_encoding_column label;
    ch_arena arena; // owns the arrays and texts of one that was parsed
} ch_encoding;

/* How a source is read. All zero: to train on it, a CSV file being encoded by its own rows. */
typedef struct ch_reading {
    const ch_encoding *encoding; // of a CSV file; NULL: it is fitted to the file. Borrowed
    bool is_test_only;           // to judge a model: nobody holds the training examples, which a
                       // test_share of 1 makes test examples too, in the file's order; and
                       // a CSV file needs an encoding
    bool may_lack_test;   // IDX: the two test files need not be there
    uint32_t classes_min; // IDX: labels that do not occur there are classes too
    bool may_lack_labels; // CSV: those rows have CH_LABEL_NONE, or a target that is NaN
} ch_reading;

/* How classes are ordered and told apart: as numbers when all values are. */
const ch_cell_order *ch_encoding_classes(const ch_cell *values, uint32_t count);

/* Writes the text, zero-terminated and cut to size (>= 1). Returns its whole length, as snprintf.
 */
size_t ch_encoding_write(char *out, size_t size, const ch_encoding *encoding);

/*
 * Reads what ch_encoding_write wrote, and believes nothing.
 *
 * name  stands for the file in messages
 *
 * Returns OK and an object to release; EPROTO when the text is anything else (err says what and
 * where), ENOMEM (or EPROTO, when it was jansson that had no memory). On failure *out is empty.
 */
CHOIR_NODISCARD choir_status ch_encoding_parse(ch_encoding *out, const char *text, const char *name,
                                               const choir_env *env, choir_error *err);

/* Safe on an empty one, and twice. */
void ch_encoding_release(ch_encoding *encoding);

#endif
