/** How drawings reach a person: colours and width for stdout, or an SVG into a file. What is drawn is not looked at. */
import { writeFileSync } from 'node:fs'
import { MusigError } from '../base/errors.js'
import { colourful } from './color.js'
import { reasonOf } from './home.js'

/** Columns where stdout is no terminal. */
const PIPE_COLUMNS = 120

/** Colours and width of what is printed on stdout. */
export function textOptions(): { color: boolean; width: number } {
  const columns = Number(process.env['COLUMNS'])
  const width = process.stdout.columns > 0 ? process.stdout.columns : Number.isInteger(columns) && columns > 0 ? columns : PIPE_COLUMNS
  return { color: colourful(process.stdout), width }
}

/** Writes text to a file, or to stdout for `-`. Errors: `BAD_INPUT` where it cannot be written. */
export function writeOutput(file: string, content: string): void {
  if (file === '-') {
    process.stdout.write(content)
    return
  }
  try {
    writeFileSync(file, content)
  } catch (error) {
    throw new MusigError('BAD_INPUT', `cannot write ${file}: ${reasonOf(error)}`, { cause: error })
  }
}
