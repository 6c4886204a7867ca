/*
 * Text: the few things that messages, tables and files need of strings.
 *
 * Everything here is independent of the locale, bounded by the caller's buffer, and safe on bytes
 * that a stranger wrote.
 */
#ifndef CH_BASE_TEXT_H
#define CH_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CH_TEXT_DISTANCE_FAR = 1000, // what ch_text_distance says of texts too long to compare
    CH_TEXT_NUMBER_MAX = 32,     // bytes that any ch_text_number fits in, its zero included
    CH_TEXT_SHOWN_MAX = 64,      // bytes that any ch_text_show fits in, its zero included
    CH_TEXT_LIST_MAX = 128,      // bytes for a table's names, see ch_text_list
};

/*
 * True for UTF-8 without control characters, byte order marks and non-characters: what may be
 * written to a terminal, a YAML or a JSON file as it is.
 */
bool ch_text_is_printable(const char *text);

/*
 * True for a name that files, URLs and tokens take as it is: letters, digits, '.', '_' and '-' of
 * ASCII, at least one; not "." or "..", which lead elsewhere in a path.
 */
bool ch_text_is_plain(const char *text);

/* Bytes of the well-formed UTF-8 letter that text begins with, its zero too; 0: it is none. */
size_t ch_text_letter(const char *text);

/*
 * How many letters to insert, delete, replace or swap with their neighbour to turn a into b.
 *
 * Source: the restricted Damerau-Levenshtein distance ("optimal string alignment"); Damerau, "A
 * Technique for Computer Detection and Correction of Spelling Errors", CACM 7(3), 1964.
 *
 * Returns CH_TEXT_DISTANCE_FAR when either is longer than 63 bytes.
 */
uint32_t ch_text_distance(const char *a, const char *b);

/* Whether a distance is small enough for a slip of the keyboard in a word of this length. */
bool ch_text_is_near(uint32_t distance, size_t length);

/*
 * Copies text for use in a message: at most 60 bytes of it, "..." for the rest, and '?' for every
 * byte that is not printable ASCII. out always ends in a zero; size >= 1.
 */
void ch_text_show(char *out, size_t size, const char *text);

/*
 * Puts printable text between double quotes, with '"' and '\\' escaped: JSON, and YAML too. Returns
 * the length of the whole, like snprintf; out always ends in a zero; size >= 1.
 */
size_t ch_text_quote(char *out, size_t size, const char *text);

/*
 * Adds a word to the command in out, which begins as "", as a shell reads it again: between single
 * quotes where it would read it otherwise. Cut to size.
 */
void ch_text_shell(char *out, size_t size, const char *word);

/*
 * Adds item to the list in out, which begins as "": "fedavg, fedavgm". Cut to size, of which
 * CH_TEXT_LIST_MAX is enough for the names of any table of ours.
 */
void ch_text_list(char *out, size_t size, const char *item);

/* The ending of a noun behind a count, "1 round" and "2 rounds": "" of one, otherwise "s". */
const char *ch_text_plural(uint64_t count);

/* The shortest decimal that strtod reads back to the same finite value: "0.1", "1e+06". */
void ch_text_number(char *out, size_t size, double value);

/* The double whose decimal is the shortest that a float reads back from: 0.1 of 0.1F. */
double ch_text_decimal(float value);

/*
 * Reads a decimal number, all of text: sign, digits, point, exponent; not "nan", "inf", "0x10" or
 * blanks. Returns false, and leaves *out alone, when text is anything else or not finite.
 */
bool ch_text_read_f64(double *out, const char *text);

/* The same for digits alone. */
bool ch_text_read_u64(uint64_t *out, const char *text);

#endif
