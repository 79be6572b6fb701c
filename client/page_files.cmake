# cmake -DWEB=dir -DZIPPED=dir -DFILES="a.js;b.css" -DOUTPUT=page_files.c -P page_files.cmake
# Writes the table of page_files.h: the bytes of each file, plain and gzip, with a strong ETag (the first 16
# digits of the SHA-256).
set(type_js "text/javascript; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_json "application/json")
set(type_svg "image/svg+xml")

function(append_bytes symbol file)
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
  string(REPEAT "." 100 line)
  string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
  file(APPEND ${OUTPUT}.new "static const unsigned char ${symbol}[] = {\n${bytes}};\n")
endfunction()

file(WRITE ${OUTPUT}.new "#include \"page_files.h\"\n")
append_bytes(template ${WEB}/index.html)
set(rows "")
foreach(file ${FILES})
  string(MAKE_C_IDENTIFIER ${file} name)
  append_bytes(${name} ${WEB}/${file})
  append_bytes(${name}_gz ${ZIPPED}/${file}.gz)
  file(SHA256 ${WEB}/${file} hash)
  string(SUBSTRING ${hash} 0 16 hash)
  string(REGEX MATCH "[a-z]+$" ending ${file})
  # Browsers ask for this name beside every document that names no icon, such as /circuit-status.
  string(REPLACE favicon.svg favicon.ico path ${file})
  string(APPEND rows "    {\"/${path}\", \"${type_${ending}}\", \"\\\"${hash}\\\"\", "
                     "{${name}, sizeof ${name}}, {${name}_gz, sizeof ${name}_gz}},\n")
endforeach()
file(APPEND ${OUTPUT}.new "const struct page_file web_files[] = {\n${rows}};
const size_t web_files_count = sizeof web_files / sizeof web_files[0];
const struct bw_span web_template = {template, sizeof template};\n")
file(RENAME ${OUTPUT}.new ${OUTPUT})
