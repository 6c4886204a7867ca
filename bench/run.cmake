choir_bench(device_sizes LINKS choir_run choir_client)
target_include_directories(device_sizes PRIVATE ${PROJECT_SOURCE_DIR}/tests)
