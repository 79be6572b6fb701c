# Compiler flags for all of our own code: the target `breakwire_flags` carries them, privately.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(breakwire_flags INTERFACE)
set(breakwire_c_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
    -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings)
target_compile_options(breakwire_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:C>:${breakwire_c_warnings}>" -fno-common -fvisibility=hidden)
if(BREAKWIRE_WERROR)
  target_compile_options(breakwire_flags INTERFACE -Werror)
endif()

if(BREAKWIRE_SANITIZE)
  add_compile_options(-fsanitize=${BREAKWIRE_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${BREAKWIRE_SANITIZE})
  if(BREAKWIRE_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  # Asserts state programming mistakes and stay on in release builds (STYLE.md, Errors).
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
  set(CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE} -O2 -g1 -D_FORTIFY_SOURCE=2 -fstack-protector-strong")
  add_link_options(-Wl,-z,relro,-z,now)
endif()
