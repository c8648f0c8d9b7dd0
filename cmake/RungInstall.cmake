# make install: headers in include/rung, libraries, pkg-config file, CMake package, tool.
include(CMakePackageConfigHelpers)

install(TARGETS ${RUNG_LIBRARIES} EXPORT rung
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rung FILES_MATCHING PATTERN *.h PATTERN *.inc)
if(TARGET rung_tool)
  install(TARGETS rung_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# What a reader needs: the pages, the examples, the skeleton of a provider, cases to write others by.
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN *.png EXCLUDE)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES examples/terse.c examples/explained.c examples/custom_op.c DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(FILES src/provider/null/null.c src/provider/null/README.md examples/provider/CMakeLists.txt
  DESTINATION ${CMAKE_INSTALL_DATADIR}/rung/skeleton)
install(DIRECTORY tools/conformance/cases DESTINATION ${CMAKE_INSTALL_DATADIR}/rung)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/rung)
install(EXPORT rung NAMESPACE rung:: FILE rung-targets.cmake DESTINATION ${package})
configure_package_config_file(cmake/rung-config.cmake.in ${PROJECT_BINARY_DIR}/rung-config.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/rung-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/rung-config.cmake ${PROJECT_BINARY_DIR}/rung-config-version.cmake
  DESTINATION ${package})

# Relative, so that an installed tree can be moved.
file(RELATIVE_PATH RUNG_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/rung.pc.in ${PROJECT_BINARY_DIR}/rung.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/rung.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
