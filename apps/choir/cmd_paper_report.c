/* choir paper report: one page with what was measured beside what the paper has. */
#include "commands.h"
#include "paper_flags.h"

#include "base/text.h"
#include "paper/book.h"

typedef struct report_flags {
    char from[CHOIR_PATH_MAX];
    char results[CHOIR_PATH_MAX];
    char out[CHOIR_PATH_MAX];
    uint64_t seed;
    bool markdown;
    bool quiet;
} report_flags;

#define FIELD(member) offsetof(report_flags, member)

static const ch_option ROWS[] = {
    {"--out", CH_OPTION_TEXT, FIELD(out), 0, CHOIR_PATH_MAX, "", NULL, "the page"},
    {"--results", CH_OPTION_TEXT, FIELD(results), 0, CHOIR_PATH_MAX, "", NULL, PAPER_RESULTS_HELP},
    {"--from", CH_OPTION_TEXT, FIELD(from), 0, CHOIR_PATH_MAX, "", NULL, PAPER_FROM_HELP},
    {"--seed", CH_OPTION_U64, FIELD(seed), 0, 9007199254740991.0, "", NULL,
     "whose results are shown"},
    {"--markdown", CH_OPTION_FLAG, FIELD(markdown), 0, 0, "", NULL,
     "prints the tables that have something measured, for a README; writes no page"},
    {"--quiet", CH_OPTION_FLAG, FIELD(quiet), 0, 0, "", NULL, "does not print the page's path"},
};

static const ch_options OPTIONS = {ROWS, sizeof(ROWS) / sizeof(ROWS[0])};
static const report_flags DEFAULTS = {
    .from = PAPER_FROM, .out = "paper.html", .seed = CH_PAPER_SEED};

static choir_status markdown_print(const ch_call *call, const ch_catalogue *catalogue,
                                   const char *results, const choir_env *env, choir_error *err) {
    const report_flags *flags = call->options;
    ch_draft text;
    ch_draft_init(&text, env);
    const choir_status status = ch_book_markdown(&text, catalogue, results, flags->seed, env, err);
    if (status == CHOIR_OK && text.size > 0) {
        (void)fputs(text.text, call->out);
    }
    ch_draft_release(&text);
    return status;
}

static int report_run(const ch_call *call, choir_error *err) {
    const report_flags *flags = call->options;
    const choir_env env = choir_env_default();
    ch_catalogue catalogue;
    char results[CHOIR_PATH_MAX];
    ch_book_result result = {.warning = ""};
    choir_status status =
        paper_open(&catalogue, results, flags->from, flags->results, flags->seed, &env, err);
    if (status == CHOIR_OK && flags->markdown) {
        status = markdown_print(call, &catalogue, results, &env, err);
    } else if (status == CHOIR_OK) {
        status = ch_book_write(&result, &catalogue, results, flags->seed, flags->out, &env, err);
    }
    ch_catalogue_release(&catalogue);
    if (status != CHOIR_OK) {
        return exit_of(status, err);
    }
    if (result.warning[0] != '\0') {
        (void)fprintf(stderr, "choir paper report: %s\n", result.warning);
    }
    if (!flags->quiet && !flags->markdown) {
        (void)fprintf(call->out,
                      "%s: %u of %u cell%s measured; of %u with a number in the paper %u "
                      "within 25 %%\n",
                      flags->out, result.measured, result.cells, ch_text_plural(result.cells),
                      result.compared, result.compared - result.outside);
    }
    return EXIT_DONE;
}

const ch_command CMD_PAPER_REPORT = {
    .name = "paper report",
    .operands = "",
    .summary = "write one page with every table and figure, ours beside the paper's",
    .text = "Writes one page, without network or script, from the committed results alone: every "
            "table with our rounds beside the paper's, every figure drawn like the paper's. What "
            "is not measured says so; cells outside 25 % of the paper's rounds are marked and "
            "have the reason that their experiment states. Charts are drawn by gnuplot.",
    .options = &OPTIONS,
    .defaults = &DEFAULTS,
    .bytes = sizeof(DEFAULTS),
    .exits_count = EXITS_USUAL,
    .run = report_run,
};
