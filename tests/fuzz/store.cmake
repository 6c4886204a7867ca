choir_fuzz(checkpoint LINKS choir_store)
choir_fuzz(metrics LINKS choir_store)
choir_fuzz(facts LINKS choir_store)
