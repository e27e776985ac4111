/** Whether to colour, and the few styles in use. `NO_COLOR` and `--no-color` (which sets it) are obeyed; pipes get none. */
import { styleText } from 'node:util'

/** A style of Node's `styleText` that the tool uses. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** Whether text that goes to this stream may carry colours. */
export function colourful(stream: NodeJS.WriteStream): boolean {
  if (process.env['NO_COLOR']) return false
  if (process.env['FORCE_COLOR']) return process.env['FORCE_COLOR'] !== '0'
  return stream.isTTY === true && process.env['TERM'] !== 'dumb'
}

/** The text in that style, or as it is where the stream takes no colours. */
export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return colourful(stream) ? styleText(style, text, { validateStream: false }) : text
}
