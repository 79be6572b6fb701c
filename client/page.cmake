# The module `page`: page.c and the files of web/, each plain and as gzip made here. A new file of web/ is
# added to this list.
find_program(GZIP gzip REQUIRED)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)

set(web_dir ${CMAKE_SOURCE_DIR}/web)
set(web_files boot.js app.js dom.js words.js store.js live.js sentence.js gauge.js history.js circuit.js actions.js
    style.css favicon.svg strings/en.json strings/es.json)

set(page_dir ${CMAKE_CURRENT_BINARY_DIR}/page)
set(page_inputs ${web_dir}/index.html)
foreach(file ${web_files})
  get_filename_component(folder ${page_dir}/${file} DIRECTORY)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${page_dir}/${file}.gz
    COMMAND sh -c "exec \"$1\" -9 -n -c \"$2\" >\"$3\"" gzip ${GZIP} ${web_dir}/${file} ${page_dir}/${file}.gz
    DEPENDS ${web_dir}/${file} VERBATIM)
  list(APPEND page_inputs ${web_dir}/${file} ${page_dir}/${file}.gz)
endforeach()
add_custom_command(OUTPUT ${page_dir}/page_files.c
  COMMAND ${CMAKE_COMMAND} -DWEB=${web_dir} -DZIPPED=${page_dir} "-DFILES=${web_files}"
          -DOUTPUT=${page_dir}/page_files.c -P ${CMAKE_CURRENT_SOURCE_DIR}/page_files.cmake
  DEPENDS ${page_inputs} ${CMAKE_CURRENT_SOURCE_DIR}/page_files.cmake VERBATIM)

breakwire_module(page SOURCES page.c ${page_dir}/page_files.c
                 USES breakwire::base PkgConfig::jansson)
