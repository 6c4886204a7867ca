choir_bench(store_bench LINKS choir_store)
