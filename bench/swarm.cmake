choir_bench(loopback_bench)
