choir_bench(fold_bench LINKS choir_proto)
