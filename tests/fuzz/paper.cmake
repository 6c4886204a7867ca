choir_fuzz(experiment LINKS choir_paper)
choir_fuzz(outcome LINKS choir_paper)
