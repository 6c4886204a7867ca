/*
 * Keyboard: a next-word model trained where messages are typed, beside what it has to beat.
 *
 *     proxy          the job's model trained on the messages of data.proxy alone
 *     ngram-proxy    a trigram model of these (run/ngram.h)
 *     ngram-pooled   a trigram model of these and of all senders' training messages in one place
 *     pooled         the job's model, begun with proxy's, trained on all senders' training messages
 *                    in one place
 *     federated      the job: begun with proxy's, trained by the senders, each on its own
 *
 * All have one vocabulary, which is the proxy's, and are judged on the same messages: those that
 * each sender holds out (data.heldout), by recall (run/recall.h), over all words and as the mean
 * over senders.
 *
 * Those that are trained are tuned: client.learning_rate of the job and its neighbours by a factor
 * of 10^(1/3), the one below before the one above, each for a quarter of the rounds, at whose end
 * at the latest it is evaluated (evaluate_every is cut to that); the one with the lowest loss on
 * the validation messages then goes on to the last round, whose model counts, or the next best
 * where it diverges: where a round is lost as nothing finite came of it. Validation messages are
 * data.test_share of what is trained on, the proxy's for proxy and the senders' for pooled and
 * federated; nothing held out is looked at before. pooled has as many passes over the messages as
 * the senders have on average, and at least one.
 *
 * Runs are ordinary run directories (arm.h), so what was ended in any way is gone on with by the
 * same call.
 *
 * Source: Hard et al., "Federated Learning for Mobile Keyboard Prediction", 2018: the model, the
 * n-gram and the model trained on a server beside it, and recall on clients' words.
 */
#ifndef CH_PAPER_KEYBOARD_H
#define CH_PAPER_KEYBOARD_H

#include "paper/arm.h"
#include "run/recall.h"

enum { CH_KEYBOARD_RATES = CH_ARM_RATES };

typedef enum ch_keyboard_who {
    CH_KEYBOARD_PROXY,
    CH_KEYBOARD_NGRAM_PROXY,
    CH_KEYBOARD_NGRAM_POOLED,
    CH_KEYBOARD_POOLED,
    CH_KEYBOARD_FEDERATED,
    CH_KEYBOARD_COUNT,
} ch_keyboard_who;

/* One of them, and what came of it. */
typedef struct ch_keyboard_row {
    const char *name;
    bool is_trained;                 // as the job's model is; the others count
    choir_job job;                   // of its best rate; is_trained
    double rates[CH_KEYBOARD_RATES]; // tried; is_trained
    double tried[CH_KEYBOARD_RATES]; // validation loss of each after a quarter; NaN: diverged
    double validation;               // of the best at its end; NaN: not trained
    char dir[CHOIR_PATH_MAX];        // of the best; "": none
    ch_recall total;                 // over all held-out words
    double first;                    // mean over senders of their own top-1 recall
    double among;                    // top-3
    uint32_t better;                 // senders with a higher top-1 recall than the proxy model's
    uint32_t worse;                  // with a lower one
    ch_recall *senders;              // (senders) owned
} ch_keyboard_row;

typedef struct ch_keyboard {
    ch_keyboard_row rows[CH_KEYBOARD_COUNT];
    choir_job job;                // as it was given
    char command[CHOIR_PATH_MAX]; // how to do it again, for the file
    uint32_t passes;              // over the proxy's messages
    uint32_t rates;               // that are tried
    uint32_t vocabulary;          // tokens
    uint32_t senders;             // clients
    uint32_t judged;              // of them, that hold out a word
    uint64_t messages[2];         // of all senders: to train on, held out
    uint64_t unknown;             // held-out words that the vocabulary lacks
    choir_env env;
} ch_keyboard;

/*
 * Prepares: nothing is run, and there are no rows yet.
 *
 * job     on messages dealt by sender, with a model of words, data.heldout above 0 and
 *         data.test_share above 0
 * passes  over the proxy's messages, >= 1
 * rates   how many of the learning rates to try, in [1, CH_KEYBOARD_RATES]
 * command how to do it again; copied, and cut to its size
 *
 * Returns OK and an object to release; EINVAL, and nothing to release, for a job that cannot be one
 * of a keyboard: err names the key.
 */
CHOIR_NODISCARD choir_status ch_keyboard_init(ch_keyboard *out, const choir_job *job,
                                              uint32_t passes, uint32_t rates, const char *command,
                                              const choir_env *env, choir_error *err);

/* Safe to call twice. */
void ch_keyboard_release(ch_keyboard *k);

/*
 * Trains what has not been, and judges all.
 *
 * site  where; its results are not used
 *
 * Returns OK; EAGAIN when it was ended before all were trained; EINVAL when one diverged at each of
 * its rates, or nobody holds out a message; as ch_arm_run, ch_session_open.
 */
CHOIR_NODISCARD choir_status ch_keyboard_run(ch_keyboard *k, const ch_paper_site *site,
                                             const choir_env *env, choir_error *err);

/* Prints the table. */
void ch_keyboard_print(FILE *out, const ch_keyboard *k);

/*
 * Writes what came of it to path, at once or not at all: JSON, with the job's keys, every sender's
 * counts, and no word of anybody.
 *
 * Returns OK; EIO; ENOMEM.
 */
CHOIR_NODISCARD choir_status ch_keyboard_write(const ch_keyboard *k, const char *path,
                                               choir_error *err);

#endif
