# What `make install` puts where: the binary with its manual and completion, and the library: headers,
# one archive, and the files by which pkg-config and CMake find it.
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

# Everything that include/choir promises, in one archive.
set(objects "")
foreach(layer base pool math math_baseline math_avx2 math_avx512 math_wide fl wire proto sim job)
  if(TARGET choir_${layer})
    list(APPEND objects $<TARGET_OBJECTS:choir_${layer}>)
  endif()
endforeach()
add_library(libchoir STATIC ${objects})
set_target_properties(libchoir PROPERTIES OUTPUT_NAME choir LINKER_LANGUAGE C EXPORT_NAME choir)
target_include_directories(libchoir INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(libchoir INTERFACE Threads::Threads PkgConfig::YAML m)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/choir)
install(TARGETS libchoir EXPORT choir)
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
configure_file(${PROJECT_SOURCE_DIR}/cmake/choir.pc.in ${PROJECT_BINARY_DIR}/choir.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/choir.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
