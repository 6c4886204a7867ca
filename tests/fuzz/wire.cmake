choir_fuzz(request LINKS choir_wire)
choir_fuzz(reply LINKS choir_wire)
