/** How a test file says that it left something out: the runner counts and shows it. */

/** Notes `count` tests that cannot run here, and why. */
export function skipped(count: number, reason: string): void {
  process.stdout.write(`SKIPPED ${count}: ${reason}\n`)
}
