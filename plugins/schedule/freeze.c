/* freeze: groups that are not trained.
 *
 *     schedule: [{plugin: freeze, groups: [embedding, rnn.0]}]
 *     schedule: [{plugin: stlr}, {plugin: freeze, groups: [0, -1]}]    # the first and the last
 *
 * Groups go by the names that `thaw plan` prints, or by their numbers: from 0 at the input, and
 * from −1 backwards at the output. A tied language model has its embedding and its decoder in one
 * group, "embedding", which is its last. */
#include <stdlib.h>
#include <string.h>
#include <thaw/plugin.h>

typedef struct settings {
  thaw_texts groups;
} settings;

static const thaw_param_spec parameters[] = {
    {.name = "groups",
     .type = THAW_PARAM_TEXTS,
     .offset = offsetof(settings, groups),
     .default_value = "[]",
     .unit = "",
     .doc = "Names or numbers of the groups that stay as they are.",
     .per_stage = true},
    {.name = NULL}};

/* Does `text` mean the group of this number and name? */
static bool means(const char *text, int64_t group, int64_t groups, const char *name) {
  if (strcmp(text, name) == 0) return true;
  char *end;
  const long long number = strtoll(text, &end, 10);
  return end != text && !*end && (number == group || number == group - groups);
}

static double multiplier(const void *self, const thaw_moment *moment) {
  const settings *s = self;
  for (size_t i = 0; i < s->groups.count; i++) {
    if (means(s->groups.values[i], moment->group, moment->groups, moment->group_name)) return 0;
  }
  return 1;
}

static thaw_status check(const void *self, const thaw_schedule_scope *scope, thaw_context *ctx) {
  const settings *s = self;
  for (size_t i = 0; i < s->groups.count; i++) {
    const char *text = s->groups.values[i];
    bool found = false;
    for (int64_t g = 0; g < scope->groups && !found; g++)
      found = means(text, g, scope->groups, scope->group_names[g]);
    if (found) continue;
    const char *near = thaw_nearest(text, scope->group_names, (size_t)scope->groups);
    return thaw_fail(ctx, THAW_INVALID, "freeze: there is no group '%s'%s%s%s", text,
                     near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
  }
  return THAW_OK;
}

static const thaw_schedule schedule = {.multiplier = multiplier, .check = check};

THAW_API const thaw_plugin_descriptor thaw_plugin = {
    .abi = THAW_PLUGIN_ABI,
    .kind = THAW_SCHEDULE,
    .name = "freeze",
    .version = "1",
    .summary = "Groups that are never trained",
    .settings_size = sizeof(settings),
    .params = parameters,
    .api.schedule = &schedule,
};
