/* page_files.h: the files of web/ as the build embedded them (page_files.cmake). */
#ifndef CLIENT_PAGE_FILES_H
#define CLIENT_PAGE_FILES_H

#include "page.h"

extern const struct page_file web_files[];
extern const size_t web_files_count;
/* index.html, with its markers. */
extern const struct bw_span web_template;

#endif
