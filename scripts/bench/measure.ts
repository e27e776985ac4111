/** Times a piece of work in this process: warms it up, then takes the median over samples that are long enough to be timed. */

// Long enough for the compiler to have done its work.
const WARM_UP_MS = 1000
const MEASURE_MS = 500
const LEAST_SAMPLES = 5
/** A sample repeats the work until it takes about so long, for the clock ticks. */
const SAMPLE_MS = 1

/** What came of the work last is kept, so that no compiler leaves the work out. */
const kept: { last: unknown } = { last: undefined }

/** The median time of one run in microseconds. `work` is told which run it is. */
export function medianUs(work: (run: number) => unknown): number {
  let runs = 0
  const begun = performance.now()
  while (performance.now() - begun < WARM_UP_MS) kept.last = work(runs++)
  const each = (performance.now() - begun) / runs
  const repeats = Math.max(1, Math.round(SAMPLE_MS / each))
  const samples: number[] = []
  for (const until = performance.now() + MEASURE_MS; performance.now() < until || samples.length < LEAST_SAMPLES; ) {
    const from = performance.now()
    for (let i = 0; i < repeats; i++) kept.last = work(runs++)
    samples.push((1000 * (performance.now() - from)) / repeats)
  }
  return samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? 0
}
