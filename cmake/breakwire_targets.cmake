# The kinds of targets this project has. A target sees only what it USES.

# breakwire_library(NAME SOURCES f.c ... [HEADERS x.h ...] [USES lib ...] [PRIVATE_USES lib ...] [LINKS target ...]
#                   [INSTALLED description])
#   One library per folder of lib/. HEADERS are names below include/breakwire/; USES are the libraries
#   whose types stand in those headers, PRIVATE_USES the others; LINKS are targets from outside.
#   INSTALLED makes it a part of `cmake --install` (breakwire_install.cmake). What it USES must be one too, and its
#   public headers say what is exported, as breaker.h does.
function(breakwire_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "INSTALLED" "SOURCES;HEADERS;USES;PRIVATE_USES;LINKS")
  set(target breakwire_${name})
  add_library(${target} STATIC ${arg_SOURCES})
  add_library(breakwire::${name} ALIAS ${target})
  list(TRANSFORM arg_HEADERS PREPEND include/breakwire/)
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${arg_HEADERS})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON OUTPUT_NAME breakwire-${name}
                        EXPORT_NAME ${name})
  if(arg_INSTALLED)
    breakwire_install_library(${name} DESCRIPTION "${arg_INSTALLED}" USES ${arg_USES} ${arg_PRIVATE_USES})
  endif()
  list(TRANSFORM arg_USES PREPEND breakwire::)
  list(TRANSFORM arg_PRIVATE_USES PREPEND breakwire::)
  target_link_libraries(${target} PUBLIC ${arg_USES} PRIVATE ${arg_PRIVATE_USES} ${arg_LINKS}
                        $<BUILD_INTERFACE:breakwire_flags>)
  set_property(GLOBAL APPEND PROPERTY BREAKWIRE_LIBRARIES ${target})
endfunction()

# breakwire_module(NAME SOURCES f.c ... [USES target ...])
#   One object library per module of a program; its headers lie in its own folder, as "module.h".
function(breakwire_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
  add_library(${name} OBJECT ${arg_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${arg_USES} breakwire_flags)
  set_property(GLOBAL APPEND PROPERTY BREAKWIRE_MODULES ${name})
endfunction()

# breakwire_program(NAME SOURCES f.c ... [USES target ...])
function(breakwire_program name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_USES} breakwire_flags)
endfunction()

# breakwire_test(NAME SOURCES f.c ... [USES target ...] [LABELS l ...] [TIMEOUT s])
#   A cmocka program of tests/support's one main(): build/<preset>/bin/NAME 'pattern' runs some of it.
function(breakwire_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "TIMEOUT" "SOURCES;USES;LABELS")
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_USES} test_support breakwire_flags)
  add_test(NAME ${name} COMMAND ${name})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "unit;${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
