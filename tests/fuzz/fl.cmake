choir_fuzz(chain LINKS choir_fl)
choir_fuzz(schedule LINKS choir_fl)
