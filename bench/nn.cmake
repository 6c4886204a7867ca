choir_bench(cnn_bench LINKS choir_nn)

# The peer of cnn_bench, only when installed (libdnnl-dev).
find_library(DNNL_LIBRARY dnnl)
find_path(DNNL_INCLUDE oneapi/dnnl/dnnl.h)
if(DNNL_LIBRARY AND DNNL_INCLUDE)
  target_sources(cnn_bench PRIVATE onednn_convs.c)
  target_include_directories(cnn_bench SYSTEM PRIVATE ${DNNL_INCLUDE})
  target_link_libraries(cnn_bench PRIVATE ${DNNL_LIBRARY})
  target_compile_definitions(cnn_bench PRIVATE CHOIR_ONEDNN)
endif()
choir_bench(engine_bench LINKS choir_nn PkgConfig::ZLIB)
