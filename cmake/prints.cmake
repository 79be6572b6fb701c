# cmake -DPROGRAM=path -DEXPECTED=file -P prints.cmake: PROGRAM ends with 0 and prints what stands in EXPECTED.
execute_process(COMMAND ${PROGRAM} RESULT_VARIABLE code OUTPUT_VARIABLE printed ERROR_VARIABLE printed)
file(READ ${EXPECTED} expected)
if(NOT code EQUAL 0 OR NOT printed STREQUAL expected)
  message(FATAL_ERROR "exit ${code}, printed:\n${printed}\nexpected (${EXPECTED}):\n${expected}")
endif()
