# What `make install` puts where: the binary with its manual and completion, and the libraries:
# headers, archives, and the files by which pkg-config and CMake find them.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# The manual is printed by the binary itself, so it cannot differ from what the binary does.
if(TARGET choir)
  set(manual ${PROJECT_BINARY_DIR}/manual)
  add_custom_command(OUTPUT ${manual}/done
    COMMAND sh ${PROJECT_SOURCE_DIR}/tools/manual.sh $<TARGET_FILE:choir> ${manual}
    COMMAND ${CMAKE_COMMAND} -E touch ${manual}/done
    DEPENDS choir ${PROJECT_SOURCE_DIR}/tools/manual.sh)
  add_custom_target(manual ALL DEPENDS ${manual}/done)
  install(TARGETS choir)
  install(DIRECTORY ${manual}/man1 ${manual}/man5 DESTINATION ${CMAKE_INSTALL_MANDIR})
  install(FILES ${manual}/choir.bash RENAME choir
          DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
endif()

# What include/choir promises, docs/embedding.md: the protocol core, which needs nothing but the C
# library, and the reader of job files apart, so that a device need not have libyaml.
set(objects "")
foreach(layer base pool math math_baseline math_avx2 math_avx512 math_wide fl wire proto sim)
  if(TARGET choir_${layer})
    list(APPEND objects $<TARGET_OBJECTS:choir_${layer}>)
  endif()
endforeach()
add_library(libchoir STATIC ${objects})
set_target_properties(libchoir PROPERTIES OUTPUT_NAME choir LINKER_LANGUAGE C EXPORT_NAME choir)
target_include_directories(libchoir INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(libchoir INTERFACE Threads::Threads m)
add_library(libchoir_job STATIC $<TARGET_OBJECTS:choir_job>)
set_target_properties(libchoir_job PROPERTIES OUTPUT_NAME choir-job LINKER_LANGUAGE C EXPORT_NAME job)
target_link_libraries(libchoir_job INTERFACE libchoir PkgConfig::YAML)

# What a device needs, in two: choir_objects(variable layer [files]) appends the layer's objects, or
# those of the files.
function(choir_objects variable layer)
  set(found $<TARGET_OBJECTS:choir_${layer}>)
  if(ARGN)
    list(JOIN ARGN "|" files)
    set(found $<FILTER:${found},INCLUDE,/\(${files}\)\\.c\\.>)
  endif()
  set(${variable} ${${variable}} ${found} PARENT_SCOPE)
endfunction()
choir_objects(device_objects client)
choir_objects(device_objects disk)
choir_objects(device_objects crypto encode entropy sign)
choir_objects(device_objects net http_client http_json http_text offer)
add_library(libchoir_client STATIC ${device_objects})
set_target_properties(libchoir_client PROPERTIES OUTPUT_NAME choir-client LINKER_LANGUAGE C EXPORT_NAME client)
target_link_libraries(libchoir_client INTERFACE libchoir_job PkgConfig::CURL PkgConfig::JANSSON PkgConfig::SODIUM)

foreach(layer data disk nn onnx train)
  choir_objects(engine_objects ${layer})
endforeach()
choir_objects(engine_objects store database examples)
choir_objects(engine_objects run collected device device_offer labels plan predictor saved)
add_library(libchoir_engine STATIC ${engine_objects})
set_target_properties(libchoir_engine PROPERTIES OUTPUT_NAME choir-engine LINKER_LANGUAGE C EXPORT_NAME engine)
target_link_libraries(libchoir_engine INTERFACE libchoir_job PkgConfig::CURL PkgConfig::JANSSON PkgConfig::SQLITE
                      PkgConfig::ZLIB)

# With its folder, so that links between pages and `docs/...` in help texts say where to look; and
# what they tell to run or to copy: jobs, the paper's experiments, a service.
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs examples experiments packaging DESTINATION ${CMAKE_INSTALL_DOCDIR}
        PATTERN build EXCLUDE)
install(FILES data/README.md DESTINATION ${CMAKE_INSTALL_DOCDIR}/data)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/choir)
set(libraries libchoir libchoir_job libchoir_client libchoir_engine)
install(TARGETS ${libraries} EXPORT choir)

# All of this built: what `make install` asks for.
add_custom_target(installed DEPENDS ${libraries})
if(TARGET manual)
  add_dependencies(installed manual)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/choir DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.h")
install(EXPORT choir NAMESPACE choir:: FILE choirTargets.cmake DESTINATION ${package})
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/choirConfig.cmake.in
  ${PROJECT_BINARY_DIR}/choirConfig.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/choirConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/choirConfig.cmake ${PROJECT_BINARY_DIR}/choirConfigVersion.cmake
        DESTINATION ${package})

# The prefix follows from where the file lies, so that `cmake --install --prefix` need not edit it.
file(RELATIVE_PATH CHOIR_PC_PREFIX "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
foreach(name choir choir-job choir-client choir-engine)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endforeach()
