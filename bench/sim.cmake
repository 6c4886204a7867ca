choir_bench(sim_bench LINKS choir_sim)
