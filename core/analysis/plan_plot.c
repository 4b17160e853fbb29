/* plan_plot.c: see plan_plot.h. */
#include "analysis/plan_plot.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "analysis/plot.h"

/* A frozen group has no rate: its line has a gap there. */
static void leave_gaps(const thaw_stage_plan *plan, const thaw_group_plan *group, double *rates) {
  for (size_t i = 0; i < plan->curve_count; i++)
    rates[i] = group->curve[i] > 0 ? group->curve[i] : NAN;
}

/* Do all groups have the same rate wherever they are trained? `common` receives it. */
static bool find_common(const thaw_stage_plan *plan, double *common) {
  for (size_t i = 0; i < plan->curve_count; i++) {
    common[i] = NAN;
    for (size_t g = 0; g < plan->group_count; g++) {
      const double rate = plan->groups[g].curve[i];
      if (rate > 0 && common[i] > 0 && rate != common[i]) return false;
      if (rate > 0) common[i] = rate;
    }
  }
  return true;
}

/* `lines` has room for all groups, `numbers` for a curve more than there are groups. */
static thaw_status write(thaw_context *ctx, const thaw_stage_plan *plan, const char *path,
                         thaw_plot_series *lines, double *numbers) {
  const size_t points = plan->curve_count;
  char title[200], steps[100];
  for (size_t g = 0; g < plan->group_count; g++) {
    double *rates = numbers + (g + 1) * points;
    leave_gaps(plan, &plan->groups[g], rates);
    lines[g] = (thaw_plot_series){plan->groups[g].name, plan->curve_steps, rates, points,
                                  THAW_PLOT_COLOUR};
  }
  const bool same = plan->group_count > 1 && find_common(plan, numbers);
  const thaw_plot_series common = {NULL, plan->curve_steps, numbers, points, THAW_PLOT_INK};
  const thaw_plot_series momentum = {NULL, plan->curve_steps, plan->momentum, points,
                                     THAW_PLOT_INK};
  thaw_plot_panel panels[3] = {{.y = {.label = "rate", .from_zero = true},
                                .series = same ? &common : lines,
                                .series_count = same ? 1 : plan->group_count}};
  size_t count = 1;
  if (plan->momentum)
    panels[count++] = (thaw_plot_panel){
        .y = {.label = "momentum"}, .series = &momentum, .series_count = 1, .height = 90};
  panels[count++] = (thaw_plot_panel){.y = {.label = "trained (grey: frozen)"},
                                      .series = lines,
                                      .series_count = plan->group_count,
                                      .strips = true};
  snprintf(title, sizeof title, "%s: rate of %s", plan->stage,
           same ? "all groups that are trained" : "every group");
  snprintf(steps, sizeof steps, "step (%" PRId64 " in %" PRId64 " epoch%s)", plan->steps,
           plan->epochs, plan->epochs == 1 ? "" : "s");
  const thaw_plot plot = {.title = title,
                          .x = {.label = steps, .low = 0, .high = (double)plan->steps},
                          .panels = panels,
                          .panel_count = count};
  return thaw_plot_save(ctx, &plot, path);
}

thaw_status thaw_plan_plot(thaw_context *ctx, const thaw_stage_plan *plan, const char *path) {
  const size_t count = (plan->group_count + 1) * plan->curve_count;
  thaw_plot_series *lines = calloc(plan->group_count + 1, sizeof *lines);
  double *numbers = calloc(count + 1, sizeof *numbers);
  const thaw_status status = lines && numbers ? write(ctx, plan, path, lines, numbers)
                                              : thaw_fail_memory(ctx, count * sizeof *numbers);
  free(lines);
  free(numbers);
  return status;
}
