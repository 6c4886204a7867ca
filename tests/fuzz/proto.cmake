choir_fuzz(coordinator LINKS choir_proto)
choir_fuzz(participant LINKS choir_proto)
choir_fuzz(saved LINKS choir_proto)
choir_fuzz(state LINKS choir_proto)
