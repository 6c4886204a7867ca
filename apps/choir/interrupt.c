/* Interrupt: see interrupt.h. */
#include "interrupt.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

volatile sig_atomic_t interrupt_came;

static volatile sig_atomic_t somebody_looks;
static volatile sig_atomic_t waker = -1; // the end of a pipe to write to; -1: nobody polls

// What runs now may take a while: whoever pressed the keys is told that they were heard.
static void on_signal(int signal) {
    static const char heard[] = "\nending after what runs now; once more ends it at once\n";
    const int error = errno; // of what the signal came upon
    (void)signal;
    if (interrupt_came == 0 && somebody_looks != 0) {
        const ssize_t written = write(STDERR_FILENO, heard, sizeof(heard) - 1);
        (void)written;
    }
    interrupt_came = 1;
    if (waker >= 0) {
        const ssize_t written = write(waker, "", 1);
        (void)written;
    }
    errno = error;
}

static void handle(int signal) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(signal, &action, NULL);
}

void interrupts_catch(void) {
    somebody_looks = isatty(STDERR_FILENO);
    handle(SIGINT);
    handle(SIGTERM);
}

int interrupts_poll(void) {
    int ends[2];
    if (pipe(ends) != 0) {
        return -1;
    }
    waker = ends[1];
    handle(SIGINT);
    handle(SIGTERM);
    handle(SIGHUP);
    return ends[0];
}
