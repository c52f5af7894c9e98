# SPDX-License-Identifier: Apache-2.0
# Writes the table of adapter hooks: one row per adapters/NAME/hook.c, whose one public symbol is
# `const struct pn_adapter_hook pn_adapter_hook_NAME` (map/hook.h).
set(declarations "")
set(rows "")
foreach(hook ${ADAPTER_HOOKS})
  get_filename_component(folder ${hook} DIRECTORY)
  get_filename_component(name ${folder} NAME)
  string(REPLACE "-" "_" symbol ${name})
  string(APPEND declarations "extern const struct pn_adapter_hook pn_adapter_hook_${symbol};\n")
  string(APPEND rows "    {\"${name}\", &pn_adapter_hook_${symbol}},\n")
endforeach()
set(ADAPTER_HOOK_TABLE ${CMAKE_BINARY_DIR}/generated/adapter_hooks.c)
file(CONFIGURE OUTPUT ${ADAPTER_HOOK_TABLE} CONTENT
"#include \"map/hook.h\"

${declarations}
const struct pn_adapter_hook_row pn_adapter_hooks[] = {
${rows}    {0, 0},
};
" @ONLY)
