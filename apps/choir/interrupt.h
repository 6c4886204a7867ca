/* Interrupt: SIGINT and SIGTERM, for commands that end in an orderly way. */
#ifndef CHOIR_APP_INTERRUPT_H
#define CHOIR_APP_INTERRUPT_H

#include <signal.h>

/* 0 until one came, then 1. */
extern volatile sig_atomic_t interrupt_came;

/* From now on the first signal asks for an end, and is answered on a terminal; the second ends the
 * program at once. */
void interrupts_catch(void);

/* The same for who waits for more than a signal, with SIGHUP and without the answer. Returns a file
 * descriptor that is readable from the first signal on, until the program ends; -1, with errno,
 * when there is none to be had. */
int interrupts_poll(void);

#endif
