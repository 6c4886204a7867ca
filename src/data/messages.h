/*
 * Messages: what people wrote to each other, one client a sender, as sequences of words.
 *
 * A file has a message a line: who sent it, its number, its text, separated by tabulators; further
 * ones are part of the text. There is no header. A message is a line of words:
 *
 *     "Hi  Bob,c u@5!" is  hi bob , c u @ 5 !
 *
 * Letters A to Z are made small; a word is a run of letters, digits, apostrophes and of bytes that
 * UTF-8 writes characters beyond ASCII with, emoji among them; blanks separate; anything else is a
 * word by itself.
 *
 * The vocabulary is learnt from the messages of one sender alone, data.proxy, who stands for public
 * text and is no client, so that it says nothing of what clients write: its most frequent
 * data.vocabulary words, equally frequent ones in ascending order of bytes. All others are one
 * token, "<unknown>", which is predicted like any. Without a proxy there is no vocabulary, and the
 * file is refused.
 *
 *     token   0 <unknown>   1 <begin>   2 <end>   3, 4, ... the words by descending frequency
 *
 * With data.holder "proxy" it is the other way round: the proxy's messages are the examples, in the
 * same vocabulary, and nobody else's are: what a server may train on beforehand.
 *
 * Senders with an example to train on are groups, numbered by descending numbers of messages, equal
 * ones by their names: so the first data.clients are those who wrote most. The others have written
 * no word, or all that they wrote is for testing.
 *
 * Source: Chen, Kan, "Creating a live, public short message service corpus: the NUS SMS corpus",
 * Language Resources and Evaluation 47(2), 2013: the corpus that this is the form of, whose sender
 * 0 stands for everybody who is not told apart.
 */
#ifndef CH_DATA_MESSAGES_H
#define CH_DATA_MESSAGES_H

#include "choir/job.h"
#include "data/csv.h"
#include "data/dataset.h"

#include <stdbool.h>

enum {
    CH_WORD_UNKNOWN, // tokens
    CH_WORD_BEGIN,
    CH_WORD_END,
    CH_WORD_FIRST, // of the vocabulary
};

/* What those before the vocabulary are called; no word is. */
#define CH_WORD_UNKNOWN_NAME "<unknown>"
#define CH_WORD_BEGIN_NAME   "<begin>"

#define CH_MESSAGES_BYTES_MAX (UINT64_C(256) << 20)

/* Whether path is a file called .tsv or .tsv.gz, packed or not, whose first line has three fields;
 * or a folder with nus-sms-en.tsv in it. */
bool ch_messages_is(const char *path);

/*
 * Reads the messages at path; data.test_share of the clients' examples, drawn by seed, are the test
 * set.
 *
 * options  proxy, holder, vocabulary, steps and test_share
 *
 * Returns OK; EIO and EPROTO as ch_file_read; EPROTO with the line for one of fewer fields, without
 * a sender, or with a zero byte, and when there are no messages of anybody but the proxy; EINVAL
 * when there are none of the proxy's; ENOMEM. What was claimed until then is out's to release.
 */
CHOIR_NODISCARD choir_status ch_messages_read(ch_dataset *out, const char *path,
                                              const choir_job_data *options, uint64_t seed,
                                              choir_error *err);

/* The same of a file in memory, data (size), which is changed in place. name stands for the file in
 * messages. */
CHOIR_NODISCARD choir_status ch_messages_parse(ch_dataset *out, char *data, size_t size,
                                               const char *name, const choir_job_data *options,
                                               uint64_t seed, choir_error *err);

/* The word that rest begins with, which is taken off it; false when there is none left. */
bool ch_message_word(ch_cell *out, ch_cell *rest);

#endif
