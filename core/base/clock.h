/* clock.h: how long something takes. */
#ifndef THAW_CLOCK_H
#define THAW_CLOCK_H

double thaw_seconds_now(void); /* of a clock that is never set */

#endif
