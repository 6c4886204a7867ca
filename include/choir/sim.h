/*
 * Simulator: many participants and one coordinator in one process, in virtual time.
 *
 * It is only a driver: the coordinator and the participants are the very objects that a server and
 * a phone run, and every message is encoded and decoded. Training runs on worker threads; the
 * model does not depend on how many. The network between them is unkind on request: it delays,
 * reorders, and loses requests as well as replies. Virtual time comes from the cost model in
 * choir_network alone, never from a clock. A client that is not sampled costs nothing; in an open
 * population one that comes by in vain costs a check-in.
 */
#ifndef CHOIR_SIM_H
#define CHOIR_SIM_H

#include "choir/coordinator.h"
#include "choir/trainer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct choir_sim choir_sim;

#define CHOIR_SIM_STATES_MAX (UINT64_C(8) << 30)

/*
 * The cost model: what messages and training take, in virtual time.
 *
 * A client checks in, fetches the model, trains on its examples E times, and reports. A report is
 * taken to be as large as its parameters. To evaluate takes as long as to train once, and such a
 * report weighs nothing. A client whose report would arrive after the deadline does as many epochs
 * as there is time for, if its task lets it; else, or without time for one, it is not trained at
 * all, nor is one that drops out: nobody would ever see what they learnt. What clients do after
 * their round has closed is not simulated.
 *
 * In an open population every client that is there comes by once a round: one a millisecond, in an
 * order that the coordinator's seed and the round decide. One that is told to wait comes by again
 * in the next round.
 */
typedef struct choir_network {
    uint64_t seed;         // of delays, losses and devices; must not change the model while
                           // everybody reports; default 1
    uint32_t latency_ms;   // mean one-way delay, drawn from [0.5, 1.5] times this; default 50
    double loss;           // chance that a request, or its reply, is lost; [0, 0.9]; default 0
    double up_mbps;        // a device's bandwidth to the server, > 0, Mbit/s; default 10
    double down_mbps;      // and from it; default 50
    double examples_per_s; // the median device's training speed, > 0; default 1000
    double speed_spread;   // sigma of the log-normal spread of speeds; [0, 3]; default 0
    double availability;   // chance that a client is there at all in a round; (0, 1]; default 1
    double dropout;        // chance that a client goes away after training; [0, 1); default 0
} choir_network;

typedef struct choir_sim_options {
    choir_coordinator_options coordinator;
    choir_network network;
    uint32_t workers; // training threads, 1 .. 256; default 1
} choir_sim_options;

/* One round as the driver saw it, with the evaluation round behind it when there was one. Counts
 * are of both, and of messages that arrived. */
typedef struct choir_sim_round {
    choir_round_summary summary;
    choir_round_summary evaluation; // choir_coordinator_evaluation's; all zero: there was none
    uint64_t requests;              // answered by the coordinator
    uint64_t bytes_up;              // messages and updates from participants
    uint64_t bytes_down;            // messages and models to participants, lost replies included
    uint64_t virtual_ms;            // since the start of the run, when the last of them closed
    uint32_t diverged_client;       // the first by number of those that summary.refused counts as
                                    // diverged; UINT32_MAX: there was none
    double diverged_loss;           // its mean loss until training broke off, as it says it; NaN:
                                    // it says none, because that was in its first step
} choir_sim_round;

choir_sim_options choir_sim_defaults(void);

/*
 * Makes a simulation that stands before its first round.
 *
 * params    (dim) initial global parameters; copied
 * trainers  (options->workers) one per worker thread, all alike, with ops->examples; borrowed. What
 *           they keep of clients from round to round is kept in memory: at most
 *           CHOIR_SIM_STATES_MAX bytes, were it all clients'
 * options   copied
 * err       may be NULL
 *
 * Returns OK; EINVAL, ENOMEM or EIO (no thread) and *out == NULL.
 */
CHOIR_NODISCARD choir_status choir_sim_create(choir_sim **out, const float *params,
                                              const choir_trainer *trainers,
                                              const choir_sim_options *options,
                                              const choir_env *env, choir_error *err);
void choir_sim_destroy(choir_sim *s);

/*
 * Runs until one more round has closed, and the evaluation of its model, if there is to be one.
 *
 * Clients that diverge or have no data are counted in the summary, and logged as "client_diverged"
 * and "client_without_data".
 *
 * Returns OK; EAGAIN when all rounds are done; EIO, ENOMEM or whatever else a trainer failed with
 * (err names the client), and ENOMEM when lost reports need more room than there is. After such a
 * failure the simulation can only be destroyed.
 */
CHOIR_NODISCARD choir_status choir_sim_step(choir_sim *s, choir_sim_round *out, choir_error *err);

/* The coordinator, to read from and to observe; between steps only. */
choir_coordinator *choir_sim_coordinator(choir_sim *s);

/*
 * What the next step depends on, for a checkpoint; see choir_coordinator_save. Between steps only.
 *
 * save     out (choir_sim_state_bytes(s)) bytes, which grow as clients begin to keep something
 * restore  into a simulation made with equal options, workers apart; EPROTO when the state is
 *          damaged or of another job or network; s is then unchanged; ENOMEM, and s can only be
 *          destroyed
 */
size_t choir_sim_state_bytes(const choir_sim *s);
void choir_sim_save(const choir_sim *s, uint8_t *out);
CHOIR_NODISCARD choir_status choir_sim_restore(choir_sim *s, choir_bytes state, choir_error *err);

#ifdef __cplusplus
}
#endif

#endif
