/* choir keyboard: a next-word model trained where messages are typed, beside what it has to beat.
 */
#include "commands.h"
#include "interrupt.h"
#include "paper_flags.h"

#include "base/disk.h"
#include "base/error.h"
#include "base/log.h"
#include "job/keys.h"
#include "paper/keyboard.h"
#include "run/check.h"

#include <stdbool.h>
#include <stddef.h>

enum { WORDS_MAX = 7 + 2 * CH_OPTION_TEXTS_MAX };

typedef struct keyboard_flags {
    ch_option_texts set;
    char runs[CHOIR_PATH_MAX];
    char out[CHOIR_PATH_MAX];
    uint32_t passes;
    uint32_t rates;
    double budget_min;
    uint32_t workers;
    bool quiet;
} keyboard_flags;

#define FIELD(member) offsetof(keyboard_flags, member)

static const ch_option ROWS[] = {
    {"--set", CH_OPTION_TEXTS, FIELD(set), 0, 0, "", NULL,
     "key=value that wins over the file, such as server.rounds=20"},
    {"--passes", CH_OPTION_U32, FIELD(passes), 1, 1000, "passes", NULL,
     "over the proxy's messages, of the model that the others begin with"},
    {"--rates", CH_OPTION_U32, FIELD(rates), 1, CH_KEYBOARD_RATES, "rates", NULL,
     "to try: the job's learning rate, the one below it, the one above"},
    {"--runs", CH_OPTION_TEXT, FIELD(runs), 0, CHOIR_PATH_MAX, "", NULL,
     "the folder of run directories, which it goes on from"},
    {"--out", CH_OPTION_TEXT, FIELD(out), 0, CHOIR_PATH_MAX, "", NULL,
     "a JSON file for what came of it, with every sender's counts; empty: none"},
    {"--budget", CH_OPTION_F64, FIELD(budget_min), 0, 1e6, "minutes", NULL,
     "after which it ends, to be gone on with; 0 = when all is trained"},
    {"--workers", CH_OPTION_U32, FIELD(workers), 0, 256, "threads", NULL,
     "how many train at once; 0 = one per core; no result depends on it"},
    {"--quiet", CH_OPTION_FLAG, FIELD(quiet), 0, 0, "", NULL, "no progress, only the table"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const keyboard_flags DEFAULTS = {
    .runs = "runs/keyboard", .passes = 10, .rates = CH_KEYBOARD_RATES};

/* What a result depends on of the command line, and nothing of this machine. */
static void command_write(char out[CHOIR_PATH_MAX], const ch_call *call) {
    const keyboard_flags *flags = call->options;
    char passes[12];
    char rates[12];
    const char *words[WORDS_MAX] = {"choir",   "keyboard", call->operands[0], "--passes", passes,
                                    "--rates", rates};
    ch_call again = {.words = words, .words_count = 7};
    (void)snprintf(passes, sizeof(passes), "%u", flags->passes);
    (void)snprintf(rates, sizeof(rates), "%u", flags->rates);
    for (uint32_t i = 0; i < flags->set.count; i++) {
        words[again.words_count++] = "--set";
        words[again.words_count++] = flags->set.items[i];
    }
    ch_call_text(&again, out, CHOIR_PATH_MAX);
}

static choir_status keyboard_open(ch_keyboard *out, const ch_call *call, const choir_env *env,
                                  choir_error *err) {
    const keyboard_flags *flags = call->options;
    choir_job job;
    ch_job_places places;
    char command[CHOIR_PATH_MAX];
    choir_status status = ch_job_read_places(&job, &places, call->operands[0], flags->set.items,
                                             flags->set.count, err);
    if (status == CHOIR_OK) {
        status = ch_run_check(&job, &places, env, err);
    }
    if (status == CHOIR_OK) {
        command_write(command, call);
        status = ch_keyboard_init(out, &job, flags->passes, flags->rates, command, env, err);
        if (status != CHOIR_OK) {
            ch_job_locate(&places, err);
        }
    }
    if (status == CHOIR_OK && flags->out[0] != '\0') {
        status = ch_disk_check_replace(flags->out, err); // before hours of training
    }
    return status;
}

static int keyboard_run(const ch_call *call, choir_error *err) {
    static ch_keyboard k; // too large for a stack
    const keyboard_flags *flags = call->options;
    ch_log_lines lines = {.out = stderr, .name = "choir keyboard", .level = CHOIR_LEVEL_WARN};
    const choir_env env = ch_log_env(&lines);
    choir_status status = keyboard_open(&k, call, &env, err);
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    const ch_paper_site site =
        paper_site(flags->runs, flags->workers, flags->budget_min, flags->quiet);
    interrupts_catch();
    status = ch_keyboard_run(&k, &site, &env, err);
    if (status == CHOIR_OK) {
        ch_keyboard_print(call->out, &k);
        status = flags->out[0] == '\0' ? CHOIR_OK : ch_keyboard_write(&k, flags->out, err);
    }
    ch_keyboard_release(&k);
    if (status == CHOIR_EAGAIN) {
        (void)ch_error_set(err, status, "ended before all was trained; the same call goes on");
        return EXIT_INTERRUPTED;
    }
    return exit_of(status, err);
}

const ch_command CMD_KEYBOARD = {
    .name = "keyboard",
    .operands = "JOB.yaml",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "set a federated next-word model beside what it has to beat",
    .text =
        "Of a job on messages by sender: trains its model on the public messages of data.proxy "
        "alone, then, begun with that one, by the senders as the job says, and on all their "
        "messages in one place; counts trigrams of both. Prints how often each suggests the word "
        "that senders of held-out messages typed next, first or among three. Each learning rate "
        "is chosen of three, the job's and its neighbours by 10^(1/3), on messages that "
        "are neither trained on nor held out (data.test_share). Ended in any way, it goes on with "
        "the same call again.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_INTERRUPTED,
    .run = keyboard_run,
};
