choir_fuzz(job LINKS choir_job)
