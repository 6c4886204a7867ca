choir_bench(step_bench LINKS choir_nn)
