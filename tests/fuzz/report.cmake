choir_fuzz(clients LINKS choir_report)
choir_fuzz(samples LINKS choir_report)
