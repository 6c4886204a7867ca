choir_fuzz(jwks LINKS choir_net)
choir_fuzz(jwt LINKS choir_net PkgConfig::JANSSON)
choir_fuzz(claims LINKS choir_net)
choir_fuzz(log_json LINKS choir_program PkgConfig::JANSSON)
