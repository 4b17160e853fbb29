/* stage_transfer.h: what the stages of a run take over from each other and from run files. */
#ifndef THAW_STAGE_TRANSFER_H
#define THAW_STAGE_TRANSFER_H

#include "experiment/stages.h"

/* Can every stage that is due take over what it is to take over, and does its schedule fit? Asked
 * before anything is trained: what a stage before will leave is judged by a fresh model of it.
 * THAW_INVALID with the place in the YAML: see thaw_transfer_check and thaw_schedule_check. The
 * data have been read. */
thaw_status thaw_stages_check_transfers(thaw_context *ctx, const thaw_stages *stages);

/* Takes over into a fresh model; `summary` receives one line for people, which is logged too. */
thaw_status thaw_stage_take_over(thaw_context *ctx, const thaw_experiment *experiment,
                                 const thaw_stage_work *work, thaw_model *model,
                                 thaw_buffer *summary);

#endif
