# Code from proto/: protobuf-c for servers, nanopb for clients, and descriptor sets as C arrays for reflection.
find_package(PkgConfig REQUIRED)
find_program(PROTOC protoc REQUIRED)
find_program(PROTOC_GEN_C protoc-gen-c REQUIRED)
find_program(PROTOC_GEN_NANOPB protoc-gen-nanopb REQUIRED)
pkg_check_modules(protobuf_c REQUIRED IMPORTED_TARGET libprotobuf-c)
find_package(nanopb CONFIG REQUIRED)
set(BREAKWIRE_GRPC_PROTO /usr/share/grpc-proto CACHE PATH "Where Debian's grpc-proto lies")

# Generated code is compiled as it is: our warnings are not for it.
function(_breakwire_generated_library target dir)
  add_library(${target} OBJECT ${ARGN})
  target_include_directories(${target} SYSTEM PUBLIC ${dir})
  target_compile_options(${target} PRIVATE -w)
endfunction()

# breakwire_proto(NAME ROOT dir PROTOS a/b.proto ...) makes
#   NAME_pbc  messages with protobuf-c: #include <a/b.pb-c.h>
#   NAME_npb  messages with nanopb (static sizes from the .options beside each proto): #include <a/b.pb.h>
function(breakwire_proto name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ROOT" "PROTOS")
  set(pbc_dir ${CMAKE_CURRENT_BINARY_DIR}/pbc)
  set(npb_dir ${CMAKE_CURRENT_BINARY_DIR}/npb)
  file(MAKE_DIRECTORY ${pbc_dir} ${npb_dir})
  foreach(proto ${arg_PROTOS})
    string(REGEX REPLACE "\\.proto$" "" stem ${proto})
    add_custom_command(OUTPUT ${pbc_dir}/${stem}.pb-c.c ${pbc_dir}/${stem}.pb-c.h
      COMMAND ${PROTOC} -I ${arg_ROOT} --c_out=${pbc_dir} ${arg_ROOT}/${proto}
      DEPENDS ${arg_ROOT}/${proto} VERBATIM)
    add_custom_command(OUTPUT ${npb_dir}/${stem}.pb.c ${npb_dir}/${stem}.pb.h
      COMMAND ${PROTOC} -I ${arg_ROOT} --plugin=protoc-gen-nanopb=${PROTOC_GEN_NANOPB}
              "--nanopb_opt=-I${arg_ROOT} --error-on-unmatched" --nanopb_out=${npb_dir} ${arg_ROOT}/${proto}
      DEPENDS ${arg_ROOT}/${proto} ${arg_ROOT}/${stem}.options VERBATIM)
    list(APPEND pbc_sources ${pbc_dir}/${stem}.pb-c.c ${pbc_dir}/${stem}.pb-c.h)
    list(APPEND npb_sources ${npb_dir}/${stem}.pb.c ${npb_dir}/${stem}.pb.h)
  endforeach()
  _breakwire_generated_library(${name}_pbc ${pbc_dir} ${pbc_sources})
  target_link_libraries(${name}_pbc PUBLIC PkgConfig::protobuf_c)
  _breakwire_generated_library(${name}_npb ${npb_dir} ${npb_sources})
  target_link_libraries(${name}_npb PUBLIC nanopb::protobuf-nanopb-static)
endfunction()

# breakwire_descriptor_set(NAME INCLUDES dir ... PROTOS a/b.proto ...) makes the object library NAME with
#   extern const unsigned char NAME[]; extern const unsigned long NAME_size;   in <NAME.h>:
# a google.protobuf.FileDescriptorSet of the protos and all they import.
function(breakwire_descriptor_set name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "INCLUDES;PROTOS;DEPENDS")
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/fds)
  file(MAKE_DIRECTORY ${dir})
  list(TRANSFORM arg_INCLUDES PREPEND "-I")
  add_custom_command(OUTPUT ${dir}/${name}.binpb
    COMMAND ${PROTOC} ${arg_INCLUDES} --include_imports --descriptor_set_out=${dir}/${name}.binpb ${arg_PROTOS}
    DEPENDS ${arg_DEPENDS} VERBATIM)
  breakwire_embed(${name} ${dir}/${name}.binpb)
endfunction()

# breakwire_embed(NAME FILE): the bytes of FILE as a C array, in the object library NAME.
function(breakwire_embed name file)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/embed)
  file(MAKE_DIRECTORY ${dir})
  file(CONFIGURE OUTPUT ${dir}/${name}.h @ONLY CONTENT
"#ifndef EMBED_${name}_H
#define EMBED_${name}_H
extern const unsigned char ${name}[];
extern const unsigned long ${name}_size;
#endif
")
  add_custom_command(OUTPUT ${dir}/${name}.c
    COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${dir}/${name}.c -DNAME=${name}
            -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${file} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  _breakwire_generated_library(${name} ${dir} ${dir}/${name}.c)
endfunction()
