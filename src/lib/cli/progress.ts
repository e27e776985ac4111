/**
 * Progress of long work on stderr: listr2 on a terminal, one line a step elsewhere, nothing with `--json`. What the steps do is the caller's; an error
 * of a step ends the run and is thrown as it is.
 */

/** One step of long work. `say` shows what it is busy with. */
export interface Step {
  title: string
  run(say: (detail: string) => void): Promise<void>
  /** Steps with `false` here are left out. */
  when?: boolean
}

/** How progress is shown. */
export interface ProgressOptions {
  /** Shows nothing: the output is for a script. */
  silent: boolean
}

/** Runs the steps one after the other and shows them. */
export async function runSteps(steps: readonly Step[], options: ProgressOptions): Promise<void> {
  const wanted = steps.filter((step) => step.when !== false)
  if (options.silent) for (const step of wanted) await step.run(() => {})
  else if (canRedraw()) await runOnTerminal(wanted)
  else await runPlainly(wanted)
}

/** Whether lines on stderr can be drawn over: a terminal that knows its width. */
function canRedraw(): boolean {
  return process.stderr.isTTY === true && process.stderr.columns > 0 && process.env['TERM'] !== 'dumb'
}

async function runPlainly(steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    process.stderr.write(`${step.title}\n`)
    await step.run(() => {})
  }
}

async function runOnTerminal(steps: readonly Step[]): Promise<void> {
  const { Listr, ListrLogger, ProcessOutput } = await import('listr2')
  // listr2 writes to stdout, which belongs to results.
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) })
  const tasks = steps.map((step) => ({
    title: step.title,
    task: (_: unknown, task: { output: string }) =>
      step.run((detail) => {
        task.output = detail
      }),
  }))
  // Ctrl-C stays with the command, which has to clean up.
  await new Listr(tasks, { renderer: 'default', rendererOptions: { logger, showErrorMessage: false }, registerSignalListeners: false }).run()
}
