/*
 * Gnuplot: see gnuplot.h.
 *
 * Script and complaints go through unlinked temporary files, so that the only pipe is its output:
 * neither side can wait for the other, and a child that ends early raises no SIGPIPE.
 */
#include "report/gnuplot.h"

#include "base/error.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum {
    CHUNK = 1 << 14,
    COMPLAINT_MAX = 1024,
    SHOWN_MAX = 72,
    SPAWN_FAILED = 127, // how posix_spawn tells, by the child's end, where it cannot by its answer
};

typedef struct child {
    FILE *script;     // its standard input
    FILE *complaints; // its standard error
    int output[2];    // its standard output: the end to read, the end to write; -1: closed
    pid_t pid;        // 0: none
    uint64_t started_ms;
    uint32_t time_ms;
} child;

static uint64_t clock_ms(void) {
    struct timespec now = {.tv_sec = 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint32_t time_left_ms(const child *c) {
    const uint64_t taken_ms = clock_ms() - c->started_ms;
    return taken_ms < c->time_ms ? c->time_ms - (uint32_t)taken_ms : 0;
}

static choir_status refused(choir_error *err, const char *what, int number) {
    return ch_error_set(err, CHOIR_EIO, "gnuplot: cannot %s: %s", what, strerror(number));
}

static void end_close(child *c, int end) {
    if (c->output[end] >= 0) {
        (void)close(c->output[end]);
    }
    c->output[end] = -1;
}

static void child_release(child *c) {
    if (c->pid > 0) { // only after a failure
        (void)kill(c->pid, SIGKILL);
        (void)waitpid(c->pid, NULL, 0);
    }
    end_close(c, 0);
    end_close(c, 1);
    if (c->script != NULL) {
        (void)fclose(c->script);
    }
    if (c->complaints != NULL) {
        (void)fclose(c->complaints);
    }
}

/* Other children of this process shall not hold our descriptors. */
static bool is_private(int descriptor) {
    return fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0;
}

static choir_status child_prepare(child *c, choir_bytes script, choir_error *err) {
    c->script = tmpfile();
    c->complaints = tmpfile();
    if (c->script == NULL || c->complaints == NULL || pipe(c->output) != 0) {
        return refused(err, "make its files", errno);
    }
    if (fwrite(script.data, 1, script.size, c->script) != script.size || fflush(c->script) != 0) {
        return refused(err, "write its script", errno);
    }
    rewind(c->script);
    if (!is_private(fileno(c->script)) || !is_private(fileno(c->complaints)) ||
        !is_private(c->output[0]) || !is_private(c->output[1])) {
        return refused(err, "make its files", errno);
    }
    return CHOIR_OK;
}

static choir_status not_installed(choir_error *err) {
    return ch_error_set(
        err, CHOIR_EAGAIN,
        "no charts: gnuplot is not installed; install the package " CH_GNUPLOT_PACKAGE);
}

static choir_status child_start(child *c, choir_error *err) {
    posix_spawn_file_actions_t actions;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0) {
        return refused(err, "start it", failed);
    }
    const int from[] = {fileno(c->script), c->output[1], fileno(c->complaints)};
    for (int to = 0; to < 3 && failed == 0; to++) {
        failed = posix_spawn_file_actions_adddup2(&actions, from[to], to);
    }
    // -d: no start-up files
    char *const arguments[] = {(char[]){"gnuplot"}, (char[]){"-d"}, NULL};
    pid_t pid = 0;
    if (failed == 0) {
        failed = posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    end_close(c, 1);
    if (failed == ENOENT || failed == EACCES || failed == ENOTDIR) {
        return not_installed(err);
    }
    if (failed != 0) {
        return refused(err, "start it", failed);
    }
    c->pid = pid;
    return CHOIR_OK;
}

static choir_status too_slow(const child *c, choir_error *err) {
    return ch_error_set(err, CHOIR_EIO, "gnuplot: not done after %u ms", c->time_ms);
}

/* Reads until it closes its output. */
static choir_status child_listen(child *c, ch_draft *out, choir_error *err) {
    size_t total = 0;
    for (;;) {
        struct pollfd ready = {.fd = c->output[0], .events = POLLIN};
        const uint32_t left_ms = time_left_ms(c);
        const int answer = poll(&ready, 1, (int)left_ms);
        if (answer == 0 && left_ms == 0) {
            return too_slow(c, err);
        }
        char chunk[CHUNK];
        const ssize_t size = answer > 0 ? read(c->output[0], chunk, sizeof(chunk)) : -1;
        if (size == 0) {
            return ch_draft_status(out);
        }
        if (size < 0 && answer != 0 && errno != EINTR) {
            return refused(err, "read its output", errno);
        }
        if (size > 0) {
            total += (size_t)size;
            ch_draft_put_bytes(out, chunk, (size_t)size);
        }
        if (total > CH_GNUPLOT_OUTPUT_MAX) {
            return ch_error_set(err, CHOIR_EIO, "gnuplot: printed more than %d bytes",
                                CH_GNUPLOT_OUTPUT_MAX);
        }
    }
}

/* What it complained about, from the first line that is more than a prompt or a caret. */
static choir_status child_failed(child *c, choir_error *err) {
    char text[COMPLAINT_MAX];
    rewind(c->complaints);
    text[fread(text, 1, sizeof(text) - 1, c->complaints)] = '\0';
    const char *line = text;
    while (*line != '\0' && line[strspn(line, " \t^")] == '\n') {
        line += strcspn(line, "\n") + 1;
    }
    line += strspn(line, " \t\n");
    text[(size_t)(line - text) + strcspn(line, "\n")] = '\0';
    char shown[SHOWN_MAX];
    ch_text_show(shown, sizeof(shown), line);
    return ch_error_set(err, CHOIR_EIO, "gnuplot: failed: %s", shown);
}

/* It has closed its output, so it is about to end. */
static choir_status child_wait(child *c, choir_error *err) {
    int ending = 0;
    for (;;) {
        const pid_t ended = waitpid(c->pid, &ending, WNOHANG);
        if (ended != 0 && !(ended < 0 && errno == EINTR)) {
            c->pid = 0;
            const int code = ended > 0 && WIFEXITED(ending) ? WEXITSTATUS(ending) : -1;
            if (code == SPAWN_FAILED) {
                return not_installed(err);
            }
            return code == 0 ? CHOIR_OK : child_failed(c, err);
        }
        if (time_left_ms(c) == 0) {
            return too_slow(c, err);
        }
        (void)poll(NULL, 0, 1); // a millisecond
    }
}

choir_status ch_gnuplot_run(ch_draft *out, choir_bytes script, uint32_t time_ms, choir_error *err) {
    child c = {.output = {-1, -1}, .started_ms = clock_ms(), .time_ms = time_ms};
    choir_status status = child_prepare(&c, script, err);
    if (status == CHOIR_OK) {
        status = child_start(&c, err);
    }
    if (status == CHOIR_OK) {
        status = child_listen(&c, out, err);
    }
    if (status == CHOIR_OK) {
        status = child_wait(&c, err);
    }
    child_release(&c);
    return status;
}
