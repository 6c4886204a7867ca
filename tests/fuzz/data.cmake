choir_fuzz(idx LINKS choir_data)
choir_fuzz(cifar LINKS choir_data)
choir_fuzz(csv LINKS choir_data)
choir_fuzz(encoding LINKS choir_data)
