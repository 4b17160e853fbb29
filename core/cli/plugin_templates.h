/* plugin_templates.h: the files of plugins/template/, which the build turns into strings, so that
 * `thaw plugin new` needs no data folder. In their texts my_plugin stands for the plugin's name and
 * my_kind for its kind. */
#ifndef THAW_PLUGIN_TEMPLATES_H
#define THAW_PLUGIN_TEMPLATES_H

typedef struct thaw_plugin_template {
  const char *name; /* "head.c" */
  const char *text;
} thaw_plugin_template;

extern const thaw_plugin_template thaw_plugin_templates[]; /* ends with a NULL name */

#endif
