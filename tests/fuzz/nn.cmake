choir_fuzz(layers LINKS choir_nn)
