/* paired.h: which rows of a comparison differ from a baseline, which do not, and where one cannot
 * tell.
 *
 * A row stands for a method; its runs differ from those of the baseline in their seeds, and both
 * were tested on the same documents. A difference is of interest if it would be there with other
 * seeds and on other documents of the same kind: one test over both decides.
 *
 * The test treats seeds and documents as two crossed samples, as studies of diagnostic readers and
 * patients do (Dorfman, Berbaum and Metz 1992, "Receiver operating characteristic rating analysis:
 * generalization to the population of readers and patients with the jackknife method"). With
 * D[s][d] the difference of seed s on document d, the variance of the mean is
 *
 *   (MS_seeds + max(MS_documents − MS_both, 0)) / (seeds · documents)
 *
 * from the mean squares of a two-way analysis of variance, with the degrees of freedom of Hillis
 * (2007, "A comparison of denominator degrees of freedom methods for multiple observer ROC
 * analysis"). Seeds are paired where both rows have the same five or more. Otherwise each row has
 * its own part in the variance, as in Welch's test (1947): of fewer pairs the spread is so
 * uncertain that the test would be wrong more often than it says (simulated, with no difference and
 * a level of 5 %: 6 to 11 % of two or three pairs, 5 to 7 % of five, 4 to 6 % unpaired). What is no
 * mean over documents (macro F1) goes in as the jackknife's pseudo-values; what has no documents
 * (seconds) leaves their part out. Where a row stands for one run alone and not for a method, seeds
 * leave theirs out.
 *
 * p-values are two-sided and corrected by Holm (1979, "A simple sequentially rejective multiple
 * test procedure") over all rows that are tested, both those of "differs" and those of "does not
 * differ". The latter are those of two one-sided tests against a margin (Schuirmann 1987, "A
 * comparison of the two one-sided tests procedure and the power approach"). Dror et al. (2018, "The
 * hitchhiker's guide to testing statistical significance in natural language processing") compare
 * the tests over documents alone that stand beside it. */
#ifndef THAW_PAIRED_H
#define THAW_PAIRED_H

#include "analysis/comparison.h"

typedef enum thaw_verdict {
  THAW_VERDICT_BASELINE,      /* is what the others are tested against */
  THAW_VERDICT_OTHER_TEST,    /* was not tested on the same documents: nothing is known */
  THAW_VERDICT_UNKNOWN,       /* the metric is not known of both */
  THAW_VERDICT_DIFFERS,       /* p, corrected, is at most 0.05 */
  THAW_VERDICT_SAME,          /* differs by less than the margin: p_same, corrected, is at most
                                 0.05 */
  THAW_VERDICT_FEW_SEEDS,     /* seeds_needed would tell; 0: one of the rows has one seed, which
                                 shows no spread */
  THAW_VERDICT_FEW_DOCUMENTS, /* documents_needed would tell, more seeds would not */
} thaw_verdict;

/* One row against the baseline. NaN: not known. */
typedef struct thaw_paired {
  thaw_verdict verdict;
  bool same_seeds;          /* and enough of them: they are paired */
  thaw_estimate difference; /* row − baseline, with its 95 % interval over seeds and documents */
  double error, freedom;    /* its standard error and degrees of freedom */
  double p, p_holm;         /* over seeds and documents: what the verdict is made of */
  double p_same, p_same_holm; /* of being outside of the margin */
  double p_documents;         /* over documents alone: McNemar's exact test (1947) of one run
                                 against one; otherwise sign flips of the documents' differences,
                                 averaged over seeds */
  double p_seeds;             /* over seeds alone: all sign flips of paired ones, all exchanges of
                                 others; where these are too many, Student's and Welch's test */
  double boot_low, boot_high; /* bootstrap interval over documents (Efron 1979), percentiles */
  size_t seeds_needed;        /* a row, for a power of 80 % at 5 %, two-sided; 0: not known */
  size_t documents_needed;    /* the same, with any number of seeds; 0: not known */
  bool averaged;              /* what is called a seed is a run: see thaw_pairing */
} thaw_paired;

typedef struct thaw_pairing {
  size_t baseline; /* the row */
  bool runs_alone; /* a row is a run: other seeds are not asked about */
  double margin;   /* differences below it are of no interest; 0: all are */
  bool averaged;   /* rows average over other settings than seeds */
} thaw_pairing;

/* Tests each of `rows` [count] against the baseline by the comparison's metric; `pairs` [count]
 * lives in the comparison. The same rows give the same numbers: what is drawn has a fixed seed. */
thaw_status thaw_paired_test(thaw_context *ctx, const thaw_comparison *comparison,
                             const thaw_comparison_row *rows, size_t count,
                             const thaw_pairing *pairing, const thaw_paired **pairs);

/* The verdict in words: "differs", "not enough seeds to tell: about 12 would be needed". */
void thaw_verdict_words(const thaw_paired *pair, size_t space, char *text);

#endif
