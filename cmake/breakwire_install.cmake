# What `cmake --install build/release --prefix P` puts into P. One component per library, "programs" for the rest:
# cmake --install build/release --component breaker
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(breakwire_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/breakwire)

# The package itself: the same for every library, so it comes with each of them.
configure_package_config_file(${CMAKE_SOURCE_DIR}/cmake/breakwire-config.cmake.in
  ${CMAKE_BINARY_DIR}/package/breakwire-config.cmake INSTALL_DESTINATION ${breakwire_package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/breakwire-config-version.cmake
  COMPATIBILITY SameMinorVersion)

# breakwire_install_library(NAME DESCRIPTION text [USES lib ...]): called by breakwire_library(... INSTALLED text).
#   Installs headers, libbreakwire-NAME.a and .so, the CMake targets breakwire::NAME (shared) and
#   breakwire::NAME_static, and breakwire-NAME.pc. USES are installed libraries too.
function(breakwire_install_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "DESCRIPTION" "USES")
  _breakwire_shared_library(${name} "${arg_USES}")
  install(TARGETS breakwire_${name} breakwire_${name}_shared EXPORT breakwire-${name}
    LIBRARY COMPONENT ${name} ARCHIVE COMPONENT ${name} FILE_SET HEADERS COMPONENT ${name}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}) # for a CMake that knows no file sets
  install(EXPORT breakwire-${name} NAMESPACE breakwire:: DESTINATION ${breakwire_package_dir}
    FILE breakwire-${name}-targets.cmake COMPONENT ${name})
  _breakwire_package_files(${name} "${arg_DESCRIPTION}" "${arg_USES}")
  install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT ${name})
  install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME ${name}.md COMPONENT ${name})
endfunction()

# The same objects as the archive, as a shared library. Exported is what the public headers say.
function(_breakwire_shared_library name uses)
  set(static breakwire_${name})
  set(shared breakwire_${name}_shared)
  add_library(${shared} SHARED $<TARGET_OBJECTS:${static}>)
  # Nobody replaces our functions from outside; and with the executable's own offset a thread-local byte costs one
  # instruction, where a library's usual way is a call.
  target_compile_options(${static} PRIVATE -fno-semantic-interposition -ftls-model=initial-exec)
  target_sources(${shared} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES $<TARGET_PROPERTY:${static},HEADER_SET>)
  list(TRANSFORM uses APPEND _shared)
  list(TRANSFORM uses PREPEND breakwire_)
  target_link_libraries(${shared} PUBLIC ${uses})
  target_link_options(${shared} PRIVATE -Wl,--no-undefined)
  set_target_properties(${static} PROPERTIES EXPORT_NAME ${name}_static)
  set_target_properties(${shared} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME breakwire-${name} LINKER_LANGUAGE C
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
endfunction()

function(_breakwire_package_files name description uses)
  set(dir ${CMAKE_BINARY_DIR}/package)
  file(RELATIVE_PATH prefix_path ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
  string(REGEX REPLACE "/$" "" prefix_path ${prefix_path})
  list(TRANSFORM uses PREPEND breakwire- OUTPUT_VARIABLE requires)
  list(JOIN requires " " requires)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/breakwire-library.pc.in ${dir}/breakwire-${name}.pc @ONLY)
  configure_file(${CMAKE_SOURCE_DIR}/cmake/breakwire-library.cmake.in ${dir}/breakwire-${name}.cmake @ONLY)
  install(FILES ${dir}/breakwire-${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT ${name})
  install(FILES ${dir}/breakwire-${name}.cmake ${dir}/breakwire-config.cmake ${dir}/breakwire-config-version.cmake
    DESTINATION ${breakwire_package_dir} COMPONENT ${name})
endfunction()

# breakwire_install_programs(NAME ...): those that this configuration builds.
function(breakwire_install_programs)
  foreach(name ${ARGN})
    if(TARGET ${name})
      install(TARGETS ${name} RUNTIME COMPONENT programs)
    endif()
  endforeach()
  install(FILES ${CMAKE_SOURCE_DIR}/README.md ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR}
    COMPONENT programs)
endfunction()
